import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { bundlePage } from './bundle-page.ts';

const root = join(import.meta.dirname, '..');

/** dynalite requires its actions by names without extension, which a bundler cannot resolve at run time, and parses URLs as of old. */
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
        contents: text
          .replaceAll(/require\(('\.\/(?:actions|validations)\/' \+ [^)]+)\)/g, "require($1 + '.js')")
          // Node warns of it, but for packages that are not bundled.
          .replace(
            'url.parse(req.url, true).query',
            "Object.fromEntries(new URL(req.url, 'http://localhost').searchParams)",
          ),
      };
    });
  },
};

/**
 * Nothing but its reader of kubeconfig files is used of client-node, which has 790 files of API classes beside and does not say that
 * loading one of them does nothing. Its files name each other by whole paths: to ask esbuild for each took it four times as long in all.
 */
const clientNode: Plugin = {
  name: 'client-node',
  setup(hooks) {
    hooks.onResolve({ filter: /^@kubernetes\/client-node$/ }, async ({ path, pluginData, ...from }) =>
      pluginData === RESOLVING
        ? undefined
        : { ...(await hooks.resolve(path, { ...from, pluginData: RESOLVING })), sideEffects: false },
    );
    hooks.onResolve({ filter: /^\.\.?\// }, ({ path, importer, resolveDir }) =>
      importer.includes('/@kubernetes/client-node/')
        ? { path: join(resolveDir, path), sideEffects: false }
        : undefined,
    );
  },
};
const RESOLVING = Symbol('asked for by the plugin itself');

/** Of undici its pools alone: its index loads fetch, WebSocket, caches and mocks beside, half a megabyte of source. */
const undici: Plugin = {
  name: 'undici',
  setup(hooks) {
    hooks.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'pools' }));
    hooks.onLoad({ filter: /.*/, namespace: 'pools' }, () => ({
      resolveDir: root,
      // As its index does it: a dispatcher has its methods from there.
      contents: `
        import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
        import api from 'undici/lib/api/index.js';
        Object.assign(Dispatcher.prototype, api);
        export { default as Agent } from 'undici/lib/dispatcher/agent.js';
        export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js';
        export const { fetch } = globalThis;`,
    }));
  },
};

/**
 * The program and the library in a folder: one entry each, a chunk per command that is loaded when asked for, and the page of the
 * dashboard.
 * @returns the sources in it, relative to the root
 */
export async function bundle(folder: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: { kcg: join(root, 'src/main/cli.ts'), runtime: join(root, 'src/main/runtime.ts') },
    outdir: folder,
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
    plugins: [dynalite, clientNode, undici],
    metafile: true,
    absWorkingDir: root,
    // The same bundle where node_modules is a link to another checkout's, as in a worktree.
    preserveSymlinks: true,
  });
  // A module as the chunks are, so that it goes wherever they go; `assets.ts` looks for it beside them.
  const page = await bundlePage();
  await writeFile(
    join(folder, 'dashboard-page.mjs'),
    `export const FILES = ${JSON.stringify(Object.fromEntries(page.files))};\n`,
  );
  return [...Object.keys(metafile.inputs), ...page.inputs];
}
