import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Asset {
  type: string;
  body: Buffer;
  etag: string;
}

/** Files of the page, by path. */
export interface Assets {
  find(path: string): Promise<Asset | undefined>;
}

const TYPES: Record<string, string> = {
  '/index.html': 'text/html; charset=utf-8',
  '/page.js': 'text/javascript; charset=utf-8',
  '/page.css': 'text/css; charset=utf-8',
  '/favicon.svg': 'image/svg+xml',
};

/** What the build puts beside the bundle, or, in a checkout, the page as its sources are at the first request. */
export function pageAssets(): Assets {
  const isCheckout = import.meta.url.endsWith('.ts');
  let made: Promise<ReadonlyMap<string, Buffer>> | undefined;
  const found = new Map<string, Asset>();
  return {
    async find(path) {
      const type = TYPES[path];
      if (type === undefined) return undefined;
      const known = found.get(path);
      if (known) return known;
      made ??= isCheckout ? bundled() : undefined;
      const body = (await made)?.get(path) ?? (await readFile(fileOf(path)));
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      const asset = { type, body, etag };
      found.set(path, asset);
      return asset;
    },
  };
}

function fileOf(path: string): string {
  return fileURLToPath(new URL(`./dashboard${path}`, import.meta.url));
}

async function bundled(): Promise<ReadonlyMap<string, Buffer>> {
  // Not in what is shipped, which has the page as files.
  const script = new URL('../../scripts/bundle-page.ts', import.meta.url).href;
  const { bundlePage } = (await import(script)) as {
    bundlePage: () => Promise<{ files: ReadonlyMap<string, Uint8Array> }>;
  };
  const { files } = await bundlePage();
  return new Map([...files].map(([name, body]) => [`/${name}`, Buffer.from(body)]));
}
