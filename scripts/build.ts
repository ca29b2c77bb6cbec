import { execFileSync } from 'node:child_process';
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { bundlePage } from './bundle-page.ts';
import { thirdPartyLicenses } from './third-party-licenses.ts';

/** Bundles everything that ships into `dist/`: one entry, and a chunk per command that is loaded when asked for. */
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** dynalite requires its actions by names without extension, which a bundler cannot resolve at run time. */
const dynalite: Plugin = {
  name: 'dynalite',
  setup(hooks) {
    // Tables on disk need a native addon, and local mode keeps them in memory.
    hooks.onResolve({ filter: /^classic-level$/ }, () => ({ path: 'classic-level', namespace: 'absent' }));
    hooks.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents:
        "exports.ClassicLevel = class { constructor() { throw new Error('tables on disk are not supported') } }",
    }));
    hooks.onLoad({ filter: /node_modules\/dynalite\/.*\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return {
        contents: text.replaceAll(
          /require\(('\.\/(?:actions|validations)\/' \+ [^)]+)\)/g,
          "require($1 + '.js')",
        ),
      };
    });
  },
};

await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { kcg: join(root, 'src/main/cli.ts'), runtime: join(root, 'src/main/runtime.ts') },
  outdir: dist,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  minifySyntax: true,
  legalComments: 'none',
  // Several dependencies are CommonJS and call require() for Node's own modules.
  banner: {
    js: "import { createRequire as kcgRequire } from 'node:module'; const require = kcgRequire(import.meta.url);",
  },
  plugins: [dynalite],
  metafile: true,
  absWorkingDir: root,
  // The same bundle where node_modules is a link to another checkout's, as in a worktree.
  preserveSymlinks: true,
});
// A module as the chunks are, so that it goes wherever they go; `assets.ts` looks for it beside them.
const page = await bundlePage();
await writeFile(
  join(dist, 'dashboard-page.mjs'),
  `export const FILES = ${JSON.stringify(Object.fromEntries(page.files))};\n`,
);
const licenses = await thirdPartyLicenses(root, [...Object.keys(metafile.inputs), ...page.inputs]);
await writeFile(join(dist, 'THIRD-PARTY-LICENSES'), licenses);
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
