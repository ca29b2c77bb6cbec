import { groupNames } from '../../cli/group-options.ts';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { costInput, costOptions, pricesFrom, printCost } from '../../cli/cost.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
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
  const print = (title: string, picture?: Parameters<typeof costInput>[0]) => {
    process.stdout.write(`${printCost(title, costInput(picture, options), prices, options.output)}\n`);
  };
  const { file, table, group } = options;
  if (positionals.length === 0 && file === undefined && table === undefined && group === undefined) {
    print('a group');
    return 0;
  }
  const by = { env, stop, verb: 'cost', all: false, wanted: { aws: true }, mayBeBlind: true };
  await groupPictures(positionals, options, by, async (look) => {
    for (const picture of (await look(stop)).pictures) {
      print(picture.title, picture);
      for (const { what, why } of picture.unknown) process.stderr.write(`not known: ${what}: ${why}\n`);
    }
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
