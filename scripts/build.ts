import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles everything that ships into `dist/`: one entry, and a chunk per command that is loaded when asked for. */
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

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
  external: ['classic-level'],
});
await chmod(join(dist, 'kcg.mjs'), 0o755);
