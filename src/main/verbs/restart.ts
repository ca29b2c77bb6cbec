import { groupNames } from '../../cli/group-options.ts';
import { actOptions, doneLine, rolloutWaitsFor } from '../../cli/act.ts';
import { RESTARTED_AT_ANNOTATION } from '../../api/labels.ts';
import { kubernetesTime } from '../../api/conditions.ts';
import { KINDS, type ObjectKey, type StoredObject } from '../../kubernetes/cluster.ts';
import { systemClock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { workloadName } from '../../operator/plan/workload/desired-objects.ts';
import { untilDone, withChosenGroups } from '../groups/chosen-groups.ts';
import { selectorOf } from '../groups/group-looker.ts';
import type { UserCluster } from '../groups/user-cluster.ts';

export { actOptions };

/** `kcg restart`: new pods of the same template, one handover after another, as `kubectl rollout restart` of the Deployment. */
export async function runRestartCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(actOptions, argv, env, groupNames(100));
  const { dryRun, wait, timeout: timeoutSeconds } = options;
  return await withChosenGroups('restart', positionals, options, { env, stop }, async (found, groups) => {
    const annotations = { [RESTARTED_AT_ANNOTATION]: kubernetesTime(systemClock.now()) };
    const patch = { spec: { template: { metadata: { annotations } } } };
    const restarted: ObjectKey[] = [];
    groups.forEach(requireRunning);
    for (const group of groups) {
      const { namespace = '', name } = group.metadata;
      const key = { namespace, name: workloadName(name) };
      if (dryRun !== 'client') {
        const server = { dryRun: dryRun === 'server', signal: stop };
        await found.calls.patch(KINDS.deployment, key, patch, server).catch((thrown: unknown) => {
          throw hasCode(thrown, 'NotFound') ? noPods(group) : thrown;
        });
      }
      process.stdout.write(`${doneLine(name, 'restarted', dryRun)}\n`);
      restarted.push(key);
    }
    if (!wait || dryRun !== 'none') return 0;
    for (const key of restarted) {
      const look = async () => {
        const object = await found.cluster.get(KINDS.deployment, key, { signal: stop });
        return (object && rolloutWaitsFor(object)) ?? (await draining(found, key, stop));
      };
      await untilDone(`${key.namespace}/${key.name}`, look, { timeoutSeconds, stop });
    }
    return 0;
  });
}

/** A Deployment no longer counts pods that end; these still give their shards away. */
async function draining(
  { calls }: UserCluster,
  { namespace, name }: ObjectKey,
  signal: AbortSignal,
): Promise<string | undefined> {
  const group = name.slice(0, -workloadName('').length);
  const pods = await calls.select(KINDS.pod, { namespace, selector: selectorOf(group), signal });
  const ending = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length;
  return ending > 0 ? `${count(ending, 'old pod')} still draining` : undefined;
}

/** @throws KcgError `Conflict` */
function requireRunning(group: StoredObject): void {
  if ((group.spec as { desiredState?: string } | undefined)?.desiredState === 'Stopped') throw noPods(group);
}

function noPods({ metadata: { namespace, name } }: StoredObject): KcgError {
  return new KcgError('Conflict', `${namespace}/${name} has no pods to restart`, {
    fix: 'A group that is stopped goes on with kcg resume; kcg status says what else it waits for.',
  });
}
