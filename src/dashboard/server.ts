import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { listen } from '../lib/listen.ts';
import type { Assets } from './assets.ts';
import type { Board } from './board.ts';
import { Feeds, type FeedMessage } from './feeds.ts';
import { isAllowedHost } from './hosts.ts';
import { groupPage, listPage, type Page } from './page-data.ts';

export interface DashboardOptions {
  board: Board;
  assets: Assets;
  clock: Clock;
  host: string;
  /** 0 = any free one. */
  port: number;
  /** The flag that chooses the port. */
  portOption: string;
  /** Names under which it is reached, beside addresses and localhost. */
  names?: readonly string[] | undefined;
}

export interface Dashboard {
  port: number;
  close(): Promise<void>;
}

/** Open at the same time; each costs a connection and what the browser does not fetch in time. */
const MAX_READERS = 100;
/** What a reader may be behind, and all of them, bytes: one that does not fetch is cut off, and connects again. */
const MAX_BACKLOG = 8 * 1024 * 1024;
const MAX_BACKLOG_OF_ALL = 64 * 1024 * 1024;

/** No other origin is ever asked for anything, nor may one show these pages within its own. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/**
 * Serves the read-only pages over what `board` knows. There is no login: who reaches the port sees all of it.
 * @throws KcgError `Conflict` when the port is taken
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { board, clock } = options;
  const names = new Set(options.names?.map((name) => name.toLowerCase()));
  const build = async (key: string, signal: AbortSignal) => pageOf(board, key, signal);
  const feeds = new Feeds({ clock, build });
  const site: Site = { ...options, feeds, readers: new Set(), stop: new AbortController() };
  const server = createServer((request, response) => {
    request.resume();
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (!isAllowedHost(request.headers.host, names)) {
      const what = `This dashboard is not reached as ${JSON.stringify(request.headers.host ?? '')}.`;
      const more = options.names ? ', or name it in --dashboard-hosts (dashboard.hosts of the chart)' : '';
      return text(response, 421, `${what} Use an address or localhost${more}.\n`);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return text(response, 405, 'This dashboard is read-only.\n');
    }
    answer(site, request, response).catch((thrown: unknown) => {
      if (response.headersSent) return void response.destroy();
      text(response, 500, `${KcgError.from(thrown).message}\n`);
    });
  });
  await listen(server, options.port, options.host, options.portOption);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        site.stop.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Site extends DashboardOptions {
  feeds: Feeds;
  readers: Set<ServerResponse>;
  stop: AbortController;
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { board, assets, clock, stop } = site;
  const url = URL.parse(request.url ?? '/', 'http://dashboard');
  const path = url && decodePath(url.pathname);
  if (!path) return text(response, 400, 'bad path\n');
  if (path === '/api/watch') return watch(site, url.searchParams.get('group') ?? '', request, response);
  if (path === '/api/groups') return json(response, listPage(board));
  const [, kind, namespace, name, what, shardId] =
    /^\/(api\/groups|groups)\/([^/]+)\/([^/]+)(?:\/(shards)\/([^/]+))?\/?$/.exec(path) ?? [];
  const key = `${namespace}/${name}`;
  if (kind === 'api/groups' && what === 'shards')
    return json(response, board.history(key)?.shardSeries(shardId!, clock.now()) ?? null);
  if (kind === 'api/groups') {
    const page = await pageOf(board, key, stop.signal);
    return json(response, page, page.kind === 'missing' ? 404 : 200);
  }
  const isPage = path === '/' || (kind === 'groups' && what === undefined);
  const asset = await assets.find(isPage ? '/index.html' : path);
  if (!asset) return text(response, 404, 'not found\n');
  response.setHeader('etag', asset.etag);
  response.setHeader('cache-control', 'no-cache');
  if (request.headers['if-none-match'] === asset.etag) return void response.writeHead(304).end();
  response.setHeader('content-type', asset.type);
  response.writeHead(200, { 'content-length': asset.body.length }).end(asset.body);
}

async function pageOf(board: Board, key: string, signal: AbortSignal): Promise<Page> {
  if (key === '') return listPage(board);
  const picture = board.picture(key);
  if (!picture) return { kind: 'missing', role: board.role, id: key };
  return groupPage(await board.withEvents(picture, signal), board);
}

/** Server-sent events: which page would be served, by whose words all else is, then what it shows as it is, then what changes of that. */
async function watch(
  site: Site,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { feeds, readers } = site;
  const version = await site.assets.find('/version');
  if (response.destroyed) return;
  if (readers.size >= MAX_READERS) return text(response, 503, 'too many pages are open\n');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  if (request.method === 'HEAD') return void response.end();
  response.write(`event: version\ndata: ${version?.body.toString() ?? ''}\n\n`);
  readers.add(response);
  const send = (message: FeedMessage) => {
    if (response.destroyed) return;
    response.write(eventOf(message));
    for (const reader of tooFarBehind([...readers])) {
      readers.delete(reader);
      reader.destroy();
    }
  };
  const end = feeds.subscribe(key, send);
  response.once('close', () => {
    end();
    readers.delete(response);
  });
}

/** Whom to cut off, most behind first: who is behind by too much, then as many as it takes to have all of them within bounds. */
export function tooFarBehind<T extends { writableLength: number }>(readers: readonly T[]): T[] {
  let behind = readers.reduce((sum, { writableLength }) => sum + writableLength, 0);
  return readers
    .toSorted((a, b) => b.writableLength - a.writableLength)
    .filter(({ writableLength }) => {
      const isCut = writableLength > MAX_BACKLOG || behind > MAX_BACKLOG_OF_ALL;
      if (isCut) behind -= writableLength;
      return isCut;
    });
}

/** One text for all who read the page. */
const texts = new WeakMap<FeedMessage, string>();
function eventOf(message: FeedMessage): string {
  let event = texts.get(message);
  if (event === undefined) {
    event = `data: ${JSON.stringify(message)}\n\n`;
    texts.set(message, event);
  }
  return event;
}

function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(body);
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}
