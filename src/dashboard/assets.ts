import { createHash } from 'node:crypto';

export interface Asset {
  type: string;
  body: Buffer;
  etag: string;
}

/** Files of the page, by path. */
export interface Assets {
  /** `/version` changes when any of the others does. */
  find(path: string): Promise<Asset | undefined>;
}

const TYPES: Record<string, string> = {
  '/index.html': 'text/html; charset=utf-8',
  '/page.js': 'text/javascript; charset=utf-8',
  '/page.css': 'text/css; charset=utf-8',
  '/favicon.svg': 'image/svg+xml',
  '/version': 'text/plain; charset=utf-8',
};

/** What the build puts beside the bundle, or, in a checkout, the page as its sources are at the first request. */
export function pageAssets(): Assets {
  let made: Promise<ReadonlyMap<string, string>> | undefined;
  const found = new Map<string, Asset>();
  return {
    async find(path) {
      const type = TYPES[path];
      if (type === undefined) return undefined;
      const known = found.get(path);
      if (known) return known;
      made ??= import.meta.url.endsWith('.ts') ? bundled() : shipped();
      const text = (await made).get(path.slice(1));
      if (text === undefined) return undefined;
      const body = Buffer.from(text);
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      const asset = { type, body, etag };
      found.set(path, asset);
      return asset;
    },
  };
}

async function shipped(): Promise<ReadonlyMap<string, string>> {
  const module = new URL('dashboard-page.mjs', import.meta.url).href;
  const { FILES } = (await import(module)) as { FILES: Record<string, string> };
  return new Map(Object.entries(FILES));
}

async function bundled(): Promise<ReadonlyMap<string, string>> {
  // Not in what is shipped, which needs no bundler.
  const script = new URL('../../scripts/bundle-page.ts', import.meta.url).href;
  const { bundlePage } = (await import(script)) as {
    bundlePage: () => Promise<{ files: ReadonlyMap<string, string> }>;
  };
  return (await bundlePage()).files;
}
