import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeAccess } from '../../../src/kubernetes/kube/config.ts';

export interface FakeObject {
  metadata: { name: string; uid: string; resourceVersion: string; managedFields?: unknown };
  value: number;
}
interface LogEntry {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: FakeObject;
}
/** What goes wrong with the next list or watch. */
export type Trouble =
  | { with: 'list' | 'watch'; answer: number; retryAfter?: string; endless?: true } // an HTTP error, perhaps without the end of its body
  | { with: 'watch'; after: number; how: 'drop' | 'close' | 'gone' | 'error' | 'garbage' | 'silence' } // after so many events
  | { with: 'watch'; how: WatchOrder };
/** After each event all those before it again; of every two events the second first; byte by byte; or without the first. */
type WatchOrder = 'repeated' | 'swapped' | 'trickling' | 'losing';

interface Watch {
  /** Versions up to it are known to the watcher. */
  from: number;
  response: ServerResponse;
  send: (entry: LogEntry) => void;
}

/** One kind of an API server: paged lists, watches from a version, and trouble on demand. */
export class FakeApiServer {
  readonly truth = new Map<string, FakeObject>();
  readonly trouble: Trouble[] = [];
  /** Every request, `list`, `list of metadata`, or `watch` with its version. */
  readonly requests: string[] = [];
  connections = 0;
  /** Versions below it are forgotten. */
  #compacted = 0;
  #version = 100;
  #uids = 0;
  readonly #log: LogEntry[] = [];
  /** Version → the objects then: all pages of a list are of one moment. */
  readonly #snapshots = new Map<string, FakeObject[]>();
  readonly #watches = new Set<Watch>();
  readonly #server: Server;

  constructor() {
    // Connections are counted, however long the machine is in between.
    this.#server = createServer({ keepAliveTimeout: 0 }, (request, response) =>
      this.#answer(request, response),
    );
    this.#server.on('connection', () => (this.connections += 1));
  }

  /** `port` 0 = any. */
  async start(at = 0): Promise<KubeAccess & { port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(at, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return {
      port,
      server: `http://127.0.0.1:${port}`,
      proxyUrl: undefined,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: {} }),
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  put(name: string, value: number): void {
    const known = this.truth.get(name);
    const uid = known?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    this.#version += 1;
    const metadata = { name, uid, resourceVersion: String(this.#version), managedFields: [{ manager: 'x' }] };
    const object = { metadata, value };
    this.truth.set(name, object);
    this.#append({ version: this.#version, type: known ? 'MODIFIED' : 'ADDED', object });
  }

  remove(name: string): void {
    const known = this.truth.get(name);
    if (!known) return;
    this.#version += 1;
    this.truth.delete(name);
    const metadata = { ...known.metadata, resourceVersion: String(this.#version) };
    this.#append({ version: this.#version, type: 'DELETED', object: { ...known, metadata } });
  }

  /** Forgets the past, like etcd's compaction: a watch from before is answered 410. */
  compact(): void {
    this.#compacted = this.#version;
  }

  /** Writes elsewhere raise the version; a bookmark says so. */
  bookmark(): string {
    this.#version += 10;
    const resourceVersion = String(this.#version);
    const line = JSON.stringify({
      type: 'BOOKMARK',
      object: { kind: 'Widget', metadata: { resourceVersion } },
    });
    for (const { response } of this.#watches) response.write(`${line}\n`);
    return resourceVersion;
  }

  /** The store is restored from a backup: it holds nothing, and is at an older version. */
  restore(): void {
    this.truth.clear();
    this.#log.length = 0;
    this.#version = 50;
  }

  endWatches(): void {
    for (const watch of this.#watches) this.#fail(watch, 'close');
  }

  #append(entry: LogEntry): void {
    this.#log.push(entry);
    for (const watch of this.#watches) if (entry.version > watch.from) watch.send(entry);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const verb = query.get('watch') ? 'watch' : 'list';
    const what = request.headers.accept?.includes('as=PartialObjectMetadataList') ? ' of metadata' : '';
    this.requests.push(verb === 'watch' ? `watch ${query.get('resourceVersion')}` : `list${what}`);
    const index = this.trouble.findIndex((trouble) => trouble.with === verb);
    const trouble = index < 0 ? undefined : this.trouble.splice(index, 1)[0];
    if (trouble && 'answer' in trouble) {
      if (trouble.retryAfter) response.setHeader('retry-after', trouble.retryAfter);
      if (trouble.endless) response.writeHead(trouble.answer).flushHeaders();
      else sendJson(response, trouble.answer, { kind: 'Status', message: 'injected', code: trouble.answer });
    } else if (verb === 'list') {
      this.#list(query, response);
    } else {
      this.#watch(Number(query.get('resourceVersion')), response, trouble);
    }
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const [snapshot = String(this.#version), at = '0'] = query.get('continue')?.split(':') ?? [];
    const all = this.#snapshots.get(snapshot) ?? [...this.truth.values()];
    this.#snapshots.set(snapshot, all);
    const end = Number(at) + Number(query.get('limit'));
    const more = end < all.length ? { continue: `${snapshot}:${end}` } : {};
    const metadata = { resourceVersion: snapshot, ...more };
    sendJson(response, 200, { kind: 'List', metadata, items: all.slice(Number(at), end) });
  }

  #watch(
    from: number,
    response: ServerResponse,
    trouble: Exclude<Trouble, { answer: number }> | undefined,
  ): void {
    if (from < this.#compacted) {
      sendJson(response, 410, { kind: 'Status', message: 'too old resource version', code: 410 });
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const end = trouble && 'after' in trouble ? { ...trouble } : undefined;
    const write = trouble && !end ? writeAs(trouble.how as WatchOrder, response) : writeTo(response);
    const watch: Watch = {
      from,
      response,
      send: ({ type, object }) => {
        if (end && end.after === 0) return;
        if (end) end.after -= 1;
        write(`${JSON.stringify({ type, object })}\n`);
        if (end?.after === 0) this.#fail(watch, end.how);
      },
    };
    response.on('close', () => this.#watches.delete(watch));
    this.#watches.add(watch);
    if (end?.after === 0) this.#fail(watch, end.how);
    for (const entry of this.#log) if (entry.version > from && this.#watches.has(watch)) watch.send(entry);
  }

  #fail(watch: Watch, how: Extract<Trouble, { after: number }>['how']): void {
    this.#watches.delete(watch);
    const { response } = watch;
    const error = (code: number) =>
      `{"type":"ERROR","object":{"kind":"Status","message":"injected","code":${code}}}\n`;
    if (how === 'close') response.end();
    if (how === 'gone') response.end(error(410));
    if (how === 'error') response.end(error(500));
    if (how === 'garbage') response.write('<html>\n');
    if (how === 'drop') {
      response.write('{"type":"ADDED","object":{"metadata":{"na');
      response.socket?.destroySoon();
    }
  }
}

function writeTo(response: ServerResponse): (line: string) => void {
  return (line) => void response.write(line);
}

function writeAs(how: WatchOrder, response: ServerResponse): (line: string) => void {
  const sent: string[] = [];
  let tail = Promise.resolve();
  return (line) => {
    if (how === 'trickling') {
      const trickle = async () => {
        for (const byte of Buffer.from(line)) {
          response.write(Buffer.of(byte));
          await new Promise(setImmediate);
        }
      };
      tail = tail.then(trickle);
      return;
    }
    sent.push(line);
    if (how === 'repeated') response.write(line + sent.join(''));
    else if (how === 'losing') response.write(sent.length > 1 ? line : '');
    else if (sent.length % 2 === 0) response.write(line + sent.at(-2));
  };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
