import { groupNames, isNamed } from '../../cli/group-options.ts';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { costData, costInput, costOptions, pricesFrom, printCost } from '../../cli/cost.ts';
import { printData } from '../../cli/status.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import type { GroupPicture } from '../../view/group-picture.ts';
import { groupPictures } from '../groups/group-pictures.ts';

export { costOptions };

/** `kcg cost`: what a group costs a month beside the same load on KCL and on Lambda; without a group, by the flags alone. */
export async function runCostCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(costOptions, argv, env, groupNames(100));
  const prices = pricesFrom(options.prices === undefined ? undefined : await fileOf(options.prices));
  const print = (groups: readonly { title: string; picture?: GroupPicture }[]) => {
    const priced = groups.map(({ title, picture }) => [title, costInput(picture, options), prices] as const);
    const text =
      options.output === 'json'
        ? printData(
            priced.map((each) => costData(...each)),
            'json',
          )
        : priced.map((each) => printCost(...each)).join('\n\n\n');
    process.stdout.write(`${text}\n`);
  };
  if (!isNamed(positionals, options)) {
    print([{ title: 'a group' }]);
    return 0;
  }
  const by = { env, stop, verb: 'cost', all: false, wanted: { aws: true }, mayBeBlind: true };
  await groupPictures(positionals, options, by, async (look) => {
    const { pictures } = await look(stop);
    print(pictures.map((picture) => ({ title: picture.title, picture })));
    for (const { title, unknown } of pictures)
      for (const { what, why } of unknown) process.stderr.write(`not known of ${title}: ${what}: ${why}\n`);
  });
  return 0;
}

async function fileOf(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8')) ?? {};
  } catch (cause) {
    throw new KcgError('InvalidInput', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
