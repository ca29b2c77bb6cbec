import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** The page of the dashboard as browsers get it: its files by name, and which sources are in them. */
export async function bundlePage(): Promise<{ files: Map<string, string>; inputs: string[] }> {
  const page = join(root, 'src/dashboard/page');
  const { outputFiles, metafile } = await build({
    entryPoints: [
      join(page, 'page.tsx'),
      join(page, 'page.css'),
      join(page, 'index.html'),
      join(page, 'favicon.svg'),
    ],
    outdir: page,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.html': 'copy', '.svg': 'copy' },
    entryNames: '[name]',
    assetNames: '[name]',
    legalComments: 'none',
    metafile: true,
    absWorkingDir: root,
    preserveSymlinks: true,
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path.slice(page.length + 1), text]));
  return { files, inputs: Object.keys(metafile.inputs) };
}
