import { styleText } from 'node:util';
import { KcgError } from '../lib/errors.ts';
import { nearestOf } from '../lib/nearest.ts';
import { optionHelp } from '../lib/options.ts';
import { COMMANDS } from './commands.ts';
import { nodeProblem } from './node-version.ts';
import { VERSION } from './version.ts';
import { sayLastWords } from './last-words.ts';

function mainHelp(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const rows = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${styleText('cyan', name.padEnd(width))}  ${summary}`,
  );
  return [
    'kcg runs Kinesis consumer groups on Kubernetes, or on this machine.',
    '',
    'Usage: kcg COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...rows,
    '',
    'Run "kcg COMMAND --help" for the options of a command, "kcg --version" for the version.',
  ].join('\n');
}

/** Exit codes: 0 done and nothing wrong, 1 it failed or trouble was found, 2 the input was wrong (nothing was touched), 130 it was stopped. */
export async function runCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const out = (line: string) => process.stdout.write(`${line}\n`);
  const [name = '--help', ...rest] = argv[0] === 'help' && argv[1] ? [argv[1], '--help'] : argv;
  if (name === '--version' || name === '-v') {
    out(VERSION);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    out(mainHelp());
    return 0;
  }
  if (name === '__complete')
    return await (await import('./verbs/complete.ts')).runComplete(rest, COMMANDS, { env, stop });
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    const problem = nodeProblem(process.versions.node);
    if (problem) throw problem;
    if (command === undefined) {
      const near = nearestOf(name, Object.keys(COMMANDS));
      const fix = near === undefined ? 'See kcg --help.' : `Did you mean kcg ${near}?`;
      throw new KcgError('InvalidInput', `there is no command '${name}'`, { fix });
    }
    const { run, options } = await command.load();
    if (rest.includes('--help') || rest.includes('-h')) {
      const list = optionHelp(options);
      out(`${command.summary}\n\nUsage: ${command.usage}${list && ` [OPTIONS]\n\nOptions:\n${list}`}`);
      return 0;
    }
    return await run(rest, env, stop);
  } catch (thrown) {
    // Whoever has ended it knows.
    if (stop.aborted && KcgError.from(thrown).code === 'Aborted') return 130;
    sayLastWords(thrown, env);
    if (KcgError.from(thrown).code === 'Internal' && env['KCG_DEBUG'])
      process.stderr.write(`${(thrown as Error).stack}\n`);
    return KcgError.from(thrown).code === 'InvalidInput' ? 2 : 1;
  }
}
