import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KcgError } from '../lib/errors.ts';
import { parseOptions, type OptionTable } from '../lib/options.ts';

export const installOptions = {} as const satisfies OptionTable;

/** Copies the bundle and the Node that runs it into a folder that another container of the pod mounts. */
export async function runInstallCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const target = parseOptions(installOptions, argv, env, { positionals: 1 }).positionals[0];
  if (target === undefined) throw new KcgError('InvalidInput', 'install takes the folder to copy to');
  const source = dirname(fileURLToPath(import.meta.url));
  await mkdir(target, { recursive: true });
  const bundle = (await readdir(source)).filter((name) => name.endsWith('.mjs'));
  await Promise.all(bundle.map((name) => copyFile(join(source, name), join(target, name))));
  await copyFile(process.execPath, join(target, 'node'));
  return 0;
}
