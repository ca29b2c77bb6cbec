import { requireChosen, type actOptions } from '../../cli/act.ts';
import { requireOneChoice } from '../../cli/group-options.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import { noSuchGroup } from './no-such-group.ts';
import { readUserCluster, type UserCluster } from './user-cluster.ts';

export type ActOptions = OptionValues<typeof actOptions>;

const OR_ELSE = 'This needs Kubernetes; workers that run go on without it meanwhile.';
const LOOK_MS = 1_000;

/**
 * Does `act` with each group that names, label or `--all` choose; all have to be there before any is touched.
 * @throws KcgError `InvalidInput` when none is chosen, `NotFound`
 */
export async function withChosenGroups(
  verb: string,
  names: readonly string[],
  options: ActOptions,
  { env, stop }: { env: NodeJS.ProcessEnv; stop: AbortSignal },
  act: (found: UserCluster, groups: readonly StoredObject[]) => Promise<number>,
): Promise<number> {
  requireChosen(verb, names, options);
  requireOneChoice(verb, names, options);
  return await readUserCluster(options, { env, orElse: OR_ELSE }, async (found) => {
    const { cluster, calls, namespace } = found;
    const select = {
      namespace: options.allNamespaces ? undefined : namespace,
      selector: options.selector,
      signal: stop,
    };
    const groups =
      names.length === 0
        ? await calls.select(KINDS.consumerGroup, select)
        : await Promise.all(
            names.map(async (name) => {
              const object = await cluster.get(KINDS.consumerGroup, { namespace, name }, { signal: stop });
              if (object === undefined) throw await noSuchGroup(cluster, { namespace, name });
              return object;
            }),
          );
    if (groups.length > 0) return await act(found, groups);
    process.stderr.write(`No resources found${options.allNamespaces ? '' : ` in ${namespace} namespace`}.\n`);
    return 0;
  });
}

/**
 * Looks until nothing is waited for. What it waits for is told on standard error when it changes.
 * @throws KcgError `Timeout` with what it still waits for
 */
export async function untilDone(
  title: string,
  look: () => Promise<string | undefined>,
  { timeoutSeconds, stop }: { timeoutSeconds: number; stop: AbortSignal },
): Promise<void> {
  const end = systemClock.monotonic() + timeoutSeconds * 1_000;
  let told = '';
  for (;;) {
    const waits = await look();
    if (waits === undefined) return;
    if (waits !== told) process.stderr.write(`${title}: waiting: ${waits}\n`);
    told = waits;
    if (systemClock.monotonic() >= end) {
      // No `Timeout`: whoever was asked has answered.
      throw new KcgError('Conflict', `${title} is not done after ${timeoutSeconds} s: ${waits}`, {
        fix: 'It goes on; look with kcg status.',
      });
    }
    await systemClock.sleep(LOOK_MS, { signal: stop });
  }
}
