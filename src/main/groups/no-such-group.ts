import { KINDS, type Cluster, type ObjectKey } from '../../kubernetes/cluster.ts';
import { KcgError } from '../../lib/errors.ts';
import { nearestOf } from '../../lib/nearest.ts';

/** For commands that have `--table`. */
export const OR_TABLE = 'A table can be read without one: name it with --table.';

/** With the name that was meant, if there is one like it. `orElse`: how the command does without a resource. */
export async function noSuchGroup(
  cluster: Pick<Cluster, 'list'>,
  { namespace, name }: ObjectKey,
  orElse?: string,
): Promise<KcgError> {
  const there = await cluster.list(KINDS.consumerGroup, { namespace }).catch(() => []);
  const near = nearestOf(
    name,
    there.map(({ metadata }) => metadata.name),
  );
  const look = near === undefined ? 'kcg get -A lists those of all namespaces.' : `Did you mean ${near}?`;
  return new KcgError('NotFound', `there is no KinesisConsumerGroup ${name} in namespace ${namespace}`, {
    fix: [look, orElse].filter(Boolean).join(' '),
  });
}
