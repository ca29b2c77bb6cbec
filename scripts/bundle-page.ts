import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Where the script says which page it is of, until that is known. */
const UNKNOWN = '(version of the page)';

/**
 * The page of the dashboard as browsers get it: its files by name, and which sources are in them. `version` is a file of its own, and the
 * script knows it too: a hash of all files, so that it changes when the page does and not with each release.
 */
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
    define: { PAGE_VERSION: JSON.stringify(UNKNOWN) },
    metafile: true,
    absWorkingDir: root,
    preserveSymlinks: true,
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path.slice(page.length + 1), text]));
  const hash = createHash('sha256');
  for (const [name, text] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${text}\0`);
  const version = hash.digest('base64url').slice(0, 22);
  files.set('page.js', files.get('page.js')!.replaceAll(UNKNOWN, version));
  files.set('version', version);
  return { files, inputs: Object.keys(metafile.inputs) };
}
