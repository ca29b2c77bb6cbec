import { groupNames, isNamed } from '../../cli/group-options.ts';
import { printData, printStatus, printStatusList, statusData, statusOptions } from '../../cli/status.ts';
import { parseOptions } from '../../lib/options.ts';
import { paintFor } from '../../lib/paint.ts';
import type { GroupPicture } from '../../view/group-picture.ts';
import { isTrouble, problemsOf } from '../../view/group-problems.ts';
import { groupPictures } from '../groups/group-pictures.ts';
import { show } from './show.ts';

export { statusOptions };

/** `kcg status`: what runs, what is wrong, what to do next. Exit code 1 when something is, unless it was watched. */
export async function runStatusCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(statusOptions, argv, env, groupNames(100));
  const { output, watch } = options;
  const isOne = isNamed(positionals, options);
  const paint = paintFor(process.stdout);
  let code = 0;
  // Of many groups only what the operator says: each table costs a read.
  const wanted = { aws: isOne };
  await groupPictures(
    positionals,
    options,
    { env, stop, verb: 'status', all: true, wanted },
    async (look) => {
      await show(
        async (signal) => {
          const { pictures, nothing } = await look(signal);
          code = pictures.some((picture) => problemsOf(picture).some(isTrouble)) ? 1 : 0;
          if (pictures.length > 0) return print(pictures);
          if (output === undefined) process.stderr.write(`${nothing}\n`);
          return output === 'json' || output === 'yaml' ? '[]' : '';
        },
        watch,
        stop,
      );
    },
  );
  return watch ? 0 : code;

  function print(pictures: readonly GroupPicture[]): string {
    if (output === 'name') return pictures.map(nameOf).join('\n');
    if (output === 'json' || output === 'yaml') return printData(pictures.map(statusData), output, isOne);
    if (isOne) return pictures.map((picture) => printStatus(picture, paint)).join('\n\n');
    return printStatusList(pictures, paint);
  }
}

/** As kubectl prints it. */
function nameOf({ key, title }: GroupPicture): string {
  return key ? `kinesisconsumergroup.kcg.dev/${key.name}` : title;
}
