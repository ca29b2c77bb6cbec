import { SHELLS } from '../../cli/complete.ts';
import { COMPLETION_SCRIPTS, completionOptions } from '../../cli/completion-scripts.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';

export { completionOptions };

/** `kcg completion SHELL`: the script that the shell is to read. */
export async function runCompletionCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [given] = parseOptions(completionOptions, argv, env, { positionals: 1 }).positionals;
  const shell = SHELLS.find((each) => each === given);
  if (shell === undefined) {
    const what =
      given === undefined ? 'completion needs to know the shell' : `there is no completion for '${given}'`;
    throw new KcgError('InvalidInput', what, { fix: `Write kcg completion ${SHELLS.join('|')}.` });
  }
  process.stdout.write(COMPLETION_SCRIPTS[shell]);
  return 0;
}
