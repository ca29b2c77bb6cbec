import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runDemo } from '../../dev/demo/demo.ts';
import { readGroups } from '../../dev/group-file.ts';
import { systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionTable } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { startLocal } from './start-local.ts';
import { logLevelOption } from '../log-level-option.ts';

export const demoOptions = {
  file: {
    type: 'string',
    short: 'f',
    description: 'the group to run',
    default: 'examples/quickstart.yaml',
  },
  rate: { type: 'number', description: 'records put a second', default: 200, min: 1, max: 3_000 },
  keep: { type: 'boolean', description: 'keep running after the demo, until Ctrl-C' },
  'log-level': { ...logLevelOption, default: 'silent' },
} as const satisfies OptionTable;

/** `kcg demo`: 0 only when nothing was lost and nothing out of order. */
export async function runDemoCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(demoOptions, argv, env);
  const [group] = await readGroups(findFile(options.file));
  if (!group) throw new KcgError('InvalidInput', `${options.file} holds no group`);
  return runDemo({
    group,
    start: (lines) => startLocal({ shards: 4, logLevel: options.logLevel, ...lines }),
    recordsPerSecond: options.rate,
    keep: options.keep,
    clock: systemClock,
    random: systemRandom,
    out: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY && !env['NO_COLOR'],
    setEnv: (name, value) => {
      process.env[name] = value;
    },
    stop,
  });
}

/** As given, or beside the installed package. */
function findFile(file: string): string {
  if (existsSync(file)) return file;
  const packaged = join(dirname(fileURLToPath(import.meta.url)), '..', file);
  const checkout = join(dirname(fileURLToPath(import.meta.url)), '../../..', file);
  return [packaged, checkout].find((candidate) => existsSync(candidate)) ?? file;
}
