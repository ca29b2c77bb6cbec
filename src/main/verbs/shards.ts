import { groupNames } from '../../cli/group-options.ts';
import { printShardsOf, shardsOptions } from '../../cli/shards.ts';
import { parseOptions } from '../../lib/options.ts';
import { paintFor } from '../../lib/paint.ts';
import { groupPictures } from '../groups/group-pictures.ts';
import { show } from './show.ts';

export { shardsOptions };

/** `kcg shards`: the shards of a group as a tree, with who reads them and how far. */
export async function runShardsCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(shardsOptions, argv, env, groupNames(100));
  const { output, sortBy, all, watch } = options;
  const input = { output, sortBy, all, paint: paintFor(process.stdout) };
  const by = { env, stop, verb: 'shards', all: false, wanted: { aws: true } };
  await groupPictures(positionals, options, by, async (look) => {
    await show(async (signal) => printShardsOf((await look(signal)).pictures, input), watch, stop);
  });
  return 0;
}
