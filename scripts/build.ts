import { execFileSync } from 'node:child_process';
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.ts';
import { thirdPartyLicenses } from './third-party-licenses.ts';

/** Puts everything that ships into `dist/`: the bundle, the licences of what is in it, and types. */
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
const inputs = await bundle(dist);
await writeFile(join(dist, 'THIRD-PARTY-LICENSES'), await thirdPartyLicenses(root, inputs));
await chmod(join(dist, 'kcg.mjs'), 0o755);

// For the authors of module handlers, import type { BatchHandler } from 'kcg', and of programs, import { Worker } from 'kcg/runtime'.
const typed = ['runtime/handlers/module-types', 'main/runtime'];
const everyType = join(dist, 'every-type');
const types = ['--declaration', '--emitDeclarationOnly', '--outDir', everyType, '--rootDir', 'src'];
const language = ['--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--skipLibCheck'];
const flags = ['--ignoreConfig', '--rewriteRelativeImportExtensions', ...types, ...language];
execFileSync(join(root, 'node_modules/.bin/tsc'), [...typed.map((name) => `src/${name}.ts`), ...flags], {
  cwd: root,
  stdio: 'inherit',
});

// Of all that is behind them, what their declarations name: nothing of a package that whoever installs kcg does not get.
const shipped = new Set<string>();
async function ship(file: string): Promise<void> {
  if (shipped.has(file)) return;
  shipped.add(file);
  const text = await readFile(join(everyType, file), 'utf8');
  for (const [, specifier = ''] of text.matchAll(/(?:from|import\() ?['"]([^'"]+)['"]/g)) {
    if (!specifier.startsWith('.')) throw new Error(`the types of ${file} name the package ${specifier}`);
    await ship(join(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts')));
  }
  await cp(join(everyType, file), join(dist, 'types', file));
}
for (const name of typed) await ship(`${name}.d.ts`);
await rm(everyType, { recursive: true });
