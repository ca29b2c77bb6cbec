import { cp } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionTable } from '../../lib/options.ts';

export const installOptions = {} as const satisfies OptionTable;

/** Copies the image's folder, Node and its libraries included, into one that another container of the pod mounts. */
export async function runInstallCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const target = parseOptions(installOptions, argv, env, { positionals: 1 }).positionals[0];
  if (target === undefined)
    throw new KcgError('InvalidInput', 'install takes the folder to copy to', {
      fix: 'Write kcg install DIR.',
    });
  await cp(dirname(fileURLToPath(import.meta.url)), target, { recursive: true });
  return 0;
}
