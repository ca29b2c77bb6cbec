import { getOptions, printGroups, type ListedGroup } from '../cli/get.ts';
import { systemClock } from '../lib/clock.ts';
import { parseOptions } from '../lib/options.ts';
import { KINDS } from '../kubernetes/cluster.ts';
import { readUserCluster } from './user-cluster.ts';

export { getOptions };

/** `kcg get`: lists consumer groups. */
export async function runGetCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(getOptions, argv, env, { positionals: 1 });
  const text = await readUserCluster(options, { env }, async ({ cluster, namespace }) => {
    const objects = await cluster.list(KINDS.consumerGroup, {
      namespace: options.allNamespaces ? undefined : namespace,
      signal: stop,
    });
    const groups = objects as unknown as ListedGroup[];
    return printGroups({ options, name: positionals[0], groups, namespace, now: systemClock.now() });
  });
  process.stdout.write(`${text}\n`);
  return 0;
}
