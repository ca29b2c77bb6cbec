import { groupNames, requireOneChoice } from '../../cli/group-options.ts';
import { getOptions, printGroups, type ListedGroup } from '../../cli/get.ts';
import { systemClock } from '../../lib/clock.ts';
import { parseOptions } from '../../lib/options.ts';
import { KINDS } from '../../kubernetes/cluster.ts';
import { noSuchGroup } from '../groups/no-such-group.ts';
import { show } from './show.ts';
import { readUserCluster } from '../groups/user-cluster.ts';

export { getOptions };

/** `kcg get`: lists consumer groups. */
export async function runGetCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals: names } = parseOptions(getOptions, argv, env, groupNames(100));
  requireOneChoice('get', names, options);
  await readUserCluster(options, { env }, async ({ calls, cluster, namespace }) => {
    let lacking: string | undefined;
    const look = async (signal: AbortSignal): Promise<string> => {
      const objects = await calls.select(KINDS.consumerGroup, {
        namespace: options.allNamespaces ? undefined : namespace,
        selector: options.selector,
        signal,
      });
      const known = objects as unknown as ListedGroup[];
      const groups =
        names.length === 0 ? known : known.filter(({ metadata }) => names.includes(metadata.name));
      lacking = names.find((name) => !known.some(({ metadata }) => metadata.name === name));
      if (lacking !== undefined && groups.length === 0)
        throw await noSuchGroup(cluster, { namespace, name: lacking });
      if (groups.length > 0)
        return printGroups({ options, isOne: names.length === 1, groups, now: systemClock.now() });
      // As kubectl has it: what is counted or piped is the list alone.
      const where = options.allNamespaces ? '' : ` in ${namespace} namespace.`;
      if (options.output === undefined || options.output === 'wide')
        process.stderr.write(`No resources found${where}\n`);
      return options.output === undefined || options.output === 'wide' || options.output === 'name'
        ? ''
        : printGroups({ options, isOne: false, groups, now: systemClock.now() });
    };
    await show(look, options.watch, stop);
    // As kubectl has it: those that are there first.
    if (lacking !== undefined) throw await noSuchGroup(cluster, { namespace, name: lacking });
  });
  return 0;
}
