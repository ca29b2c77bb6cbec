import { execFileSync } from 'node:child_process';
import { chmod, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

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
await build({
  entryPoints: { kcg: join(root, 'src/main/cli.ts') },
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
});
await chmod(join(dist, 'kcg.mjs'), 0o755);

// For the authors of module handlers: import type { BatchHandler } from 'kcg'.
const types = ['--declaration', '--emitDeclarationOnly', '--outDir', join(dist, 'types'), '--rootDir', 'src'];
const language = ['--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--skipLibCheck'];
const flags = ['--ignoreConfig', '--rewriteRelativeImportExtensions', ...types, ...language];
execFileSync(join(root, 'node_modules/.bin/tsc'), ['src/runtime/handlers/module-types.ts', ...flags], {
  cwd: root,
  stdio: 'inherit',
});
