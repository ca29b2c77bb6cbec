import type { DesiredState } from '../../api/group.ts';
import { groupNames } from '../../cli/group-options.ts';
import { actOptions, doneLine, keptBy, stateChange, waitsFor, type STATE_VERBS } from '../../cli/act.ts';
import { KINDS, keyOf, type StoredObject } from '../../kubernetes/cluster.ts';
import { parseOptions } from '../../lib/options.ts';
import { untilDone, withChosenGroups, type ActOptions } from '../groups/chosen-groups.ts';
import type { UserCluster } from '../groups/user-cluster.ts';

export { actOptions };

/** `kcg pause`, `kcg resume` and `kcg stop`: set `spec.desiredState`. */
export function setStateCommand(verb: keyof typeof STATE_VERBS) {
  return async (argv: readonly string[], env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<number> => {
    const { options, positionals } = parseOptions(actOptions, argv, env, groupNames(100));
    return await withChosenGroups(verb, positionals, options, { env, stop }, async (found, groups) => {
      for (const group of groups) await setState(verb, group, found, { options, stop });
      if (options.wait && options.dryRun === 'none') {
        for (const group of groups)
          await waitFor(stateChange(verb, group).state, group, found, { options, stop });
      }
      return 0;
    });
  };
}

interface By {
  options: ActOptions;
  stop: AbortSignal;
}

async function setState(
  verb: keyof typeof STATE_VERBS,
  group: StoredObject,
  { calls }: UserCluster,
  { options: { dryRun }, stop }: By,
): Promise<void> {
  const { done, patch } = stateChange(verb, group);
  const { name } = group.metadata;
  const say = (text: string): void => {
    process.stdout.write(`${doneLine(name, text, dryRun)}\n`);
  };
  if (patch === undefined) return say(done);
  const keeper = keptBy(group);
  if (keeper !== undefined) {
    process.stderr.write(
      `warning: ${name} is kept by ${keeper}, which may set desiredState back: change it at its source too\n`,
    );
  }
  if (dryRun !== 'client') {
    await calls.patch(KINDS.consumerGroup, keyOf(group), patch, {
      dryRun: dryRun === 'server',
      signal: stop,
    });
  }
  say(done);
}

async function waitFor(
  state: DesiredState,
  group: StoredObject,
  { cluster }: UserCluster,
  { options: { timeout: timeoutSeconds }, stop }: By,
): Promise<void> {
  const key = keyOf(group);
  const look = async () => {
    const object = await cluster.get(KINDS.consumerGroup, key, { signal: stop });
    return object && waitsFor(object, state);
  };
  await untilDone(`${key.namespace}/${key.name}`, look, { timeoutSeconds, stop });
}
