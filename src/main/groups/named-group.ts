import { regionOfArn } from '../../api/arn.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import type { KinesisConsumerGroup } from '../../api/group.ts';
import { readGroupLeniently, readGroup } from '../../api/stored-group.ts';
import type { clusterOptions } from '../../cli/cluster-options.ts';
import type { LeasesSource } from '../../cli/leases.ts';
import { describeError, hasCode, KcgError } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { noSuchGroup, OR_TABLE } from './no-such-group.ts';
import { readUserCluster } from './user-cluster.ts';

/**
 * The resource of that name, as far as it says where its rows are: also one whose spec is invalid otherwise. Where Kubernetes
 * does not answer, `warn` is told so, and no more than the group's id is known.
 * @throws KcgError `NotFound` when there is none, `InvalidInput` when no cluster is configured or the spec names no table
 */
export async function readNamedGroup(
  name: string,
  options: OptionValues<typeof clusterOptions>,
  { env, signal, warn }: { env: NodeJS.ProcessEnv; signal: AbortSignal; warn: (text: string) => void },
): Promise<LeasesSource> {
  const orElse = 'The table can be read without Kubernetes: name its file (-f), or --table.';
  return await readUserCluster(options, { env, orElse }, async ({ cluster, namespace }) => {
    let object: StoredObject | undefined;
    try {
      object = await cluster.get(KINDS.consumerGroup, { namespace, name }, { signal });
    } catch (thrown) {
      if (!hasCode(thrown, 'Unavailable', 'Timeout')) throw thrown;
      const why = describeError(thrown).replace(/\.$/, '');
      warn(
        `${why}. Looking where a group of this name has its rows unless its spec says otherwise: name -f, or --table and --group then`,
      );
      return { group: undefined, groupId: `${namespace}.${name}` };
    }
    if (object === undefined) throw await noSuchGroup(cluster, { namespace, name }, OR_TABLE);
    const read = readGroupLeniently(object);
    if (read.outcome === 'refused') {
      const problems = read.problems.join('; ');
      throw new KcgError(
        'InvalidInput',
        `${namespace}/${name} does not say where its table is: ${problems}`,
        {
          fix: 'Name it with --table, --group and --region.',
        },
      );
    }
    const { table } = (object.status ?? {}) as GroupStatus;
    return { group: read.group, tableRegion: regionOfArn(table?.arn) };
  });
}

/**
 * The whole of it, as it has to be for anything that does its work.
 * @throws KcgError `NotFound` when there is none, `InvalidInput` when its spec is invalid
 */
export async function readWholeGroup(
  name: string,
  options: OptionValues<typeof clusterOptions>,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<KinesisConsumerGroup> {
  const orElse = 'The group can be read from its file without Kubernetes: -f group.yaml.';
  return await readUserCluster(options, { env, orElse }, async ({ cluster, namespace }) => {
    const object = await cluster.get(KINDS.consumerGroup, { namespace, name }, { signal });
    if (object === undefined) throw await noSuchGroup(cluster, { namespace, name });
    const read = readGroup(object);
    if (read.outcome === 'ok') return read.group;
    throw new KcgError('InvalidInput', `${namespace}/${name}: ${read.problems.join('; ')}`);
  });
}
