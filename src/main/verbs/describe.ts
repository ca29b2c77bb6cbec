import { groupNames, isNamed } from '../../cli/group-options.ts';
import { describeData, describeGroup, describeOptions } from '../../cli/describe.ts';
import { printData } from '../../cli/status.ts';
import { parseOptions } from '../../lib/options.ts';
import { paintFor } from '../../lib/paint.ts';
import { groupPictures } from '../groups/group-pictures.ts';
import { show } from './show.ts';

export { describeOptions };

/** `kcg describe`: all that is known of groups. */
export async function runDescribeCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(describeOptions, argv, env, groupNames(100));
  const { output, watch, showEvents } = options;
  const paint = paintFor(process.stdout);
  const wanted = { aws: true, table: true, events: showEvents === 'true' };
  await groupPictures(
    positionals,
    options,
    { env, stop, verb: 'describe', all: true, wanted },
    async (look) => {
      const print = async (signal: AbortSignal) => {
        const { pictures, nothing } = await look(signal);
        if (output === 'json' || output === 'yaml')
          return printData(pictures.map(describeData), output, isNamed(positionals, options));
        if (pictures.length === 0) process.stderr.write(`${nothing}\n`);
        return pictures.map((picture) => describeGroup(picture, paint)).join('\n\n\n');
      };
      await show(print, watch, stop);
    },
  );
  return 0;
}
