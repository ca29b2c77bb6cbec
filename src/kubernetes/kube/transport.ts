import type { Dispatcher } from 'undici';
import { backoffMs, jitterMs } from '../../lib/backoff.ts';
import { abortError, bounded, type Clock } from '../../lib/clock.ts';
import { hasCode, KcgError, isRetryable } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { Call, type Answer, type CallOptions } from './call.ts';
import type { KubeAccess, KubeCredentials } from './config.ts';
import { Connections } from './connections.ts';
import { networkError, statusError, wasNeverSent, type RequestSubject } from './errors.ts';
import { KeptCredentials } from './kept-credentials.ts';
import { parseJson } from './parse-json.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';

export interface KubeRequest extends RequestSubject {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Under the server, `/api/v1/…`, with every segment encoded. */
  path: string;
  query?: Readonly<Record<string, string | undefined>>;
  body?: unknown;
  contentType?: string;
  /** Of the answer; default JSON. */
  mediaType?: string | undefined;
  /** Statuses ≥ 400 that are an answer and not a failure. */
  accept?: readonly number[];
  /** Doing it twice is the same as doing it once: repeated after lost answers too. Default: true for GET. */
  idempotent?: boolean;
  /** At most so many tries; default 4. */
  attempts?: number | undefined;
  /** Limit of one try, ms; default 30,000. */
  timeoutMs?: number;
  /** Not rate limited: for leader election, which must not queue behind a burst of reconciles. */
  urgent?: boolean;
  signal?: AbortSignal | undefined;
}

export interface KubeResponse {
  statusCode: number;
  body: unknown;
  /** When the server answered, by its clock, as the header has it. */
  date?: string | undefined;
}

/** One finished try, for metrics. */
export interface RequestReport {
  verb: string;
  /** Plural of the kind. */
  resource: string;
  /** HTTP status, 0 when there was no answer. */
  statusCode: number;
  seconds: number;
}

export interface KubeTransportOptions {
  access: KubeAccess;
  clock: Clock;
  random: Random;
  /** Requests per second, sustained and at once; default 20 and 30 like controller-runtime. Streams do not count. */
  qps?: number;
  burst?: number;
  onRequest?: (report: RequestReport) => void;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_ATTEMPTS = 4;
const BACKOFF = { baseMs: 100, maxMs: 5_000 };
/** A write is repeated so late at most, ms: whoever stood still meanwhile may lead no more, and the caller is to ask. */
const LATE_MS = 2_000;

/**
 * HTTP to one API server: all requests and watches share one pool of connections. Tries again where that is
 * safe, honours Retry-After, reads credentials again on 401.
 */
export class KubeTransport {
  readonly #options: KubeTransportOptions;
  readonly #bucket: TokenBucket;
  #base: ReturnType<typeof baseOf> | undefined;
  readonly #credentials: KeptCredentials;
  readonly #connections: Connections;

  constructor(options: KubeTransportOptions) {
    this.#options = options;
    const { access, clock, qps = 20, burst = 30 } = options;
    this.#bucket = new TokenBucket({ clock, perSecond: qps, burst });
    this.#credentials = new KeptCredentials(access, clock);
    this.#connections = new Connections(access, clock);
  }

  /** @throws KcgError, see `Cluster`. */
  async request(request: KubeRequest): Promise<KubeResponse> {
    const { clock, random } = this.#options;
    const { signal, attempts = DEFAULT_ATTEMPTS } = request;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(request);
      } catch (thrown) {
        const error = networkError(thrown, request);
        if (signal?.aborted || attempt >= attempts || !mayRepeat(error, request)) throw error;
        const delayMs = jitterMs(error.retryAfterMs ?? backoffMs(attempt, random, BACKOFF), 0.1, random);
        const dueMs = clock.monotonic() + delayMs;
        await clock.sleep(delayMs, { signal });
        const isLate = request.method !== 'GET' && clock.monotonic() - dueMs > LATE_MS;
        if (signal?.aborted || isLate) throw error;
      }
    }
  }

  /**
   * A watch: `onChunk` hears each piece as it comes, until the server ends it. One try, not rate limited, no limit on its length.
   * @throws KcgError, and what `onChunk` throws
   */
  async watch(
    request: KubeRequest & { signal: AbortSignal },
    onChunk: (chunk: Buffer) => void,
  ): Promise<KubeResponse> {
    return this.#ask(request, Infinity, onChunk);
  }

  /**
   * What is read as slowly as it is wanted: yields its chunks until the server ends it. Tried once, as a watch.
   * @throws KcgError from the call or from the iteration.
   */
  async stream(
    request: KubeRequest & { signal: AbortSignal },
  ): Promise<KubeResponse & { chunks: AsyncIterable<Buffer> }> {
    const answer = await this.#withFreshCredentials((credentials) => this.#open(request, credentials));
    const { statusCode, chunks } = answer;
    if (statusCode < 400) return { statusCode, body: undefined, chunks };
    const body = bodyOf(answer);
    if (request.accept?.includes(statusCode)) return { statusCode, body, chunks };
    throw failure(answer, body, request);
  }

  /** As `Connections.distrust`. */
  distrust(): void {
    this.#connections.distrust();
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #attempt(request: KubeRequest): Promise<KubeResponse> {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
    if (!request.urgent) await this.#bucket.take({ signal });
    if (signal?.aborted) throw abortError(signal);
    try {
      return await this.#ask(request, timeoutMs);
    } catch (thrown) {
      if (thrown instanceof KcgError && thrown.code === 'Timeout') this.distrust();
      throw thrown;
    }
  }

  #ask(request: KubeRequest, timeoutMs: number, onChunk?: CallOptions['onChunk']): Promise<KubeResponse> {
    const { verb, resource, signal, accept = [] } = request;
    const bound = { what: `to ${verb} ${resource}`, signal };
    return bounded(this.#options.clock, timeoutMs, bound, async (onEnd) => {
      const answer = await this.#withFreshCredentials(({ headers, tls }) => {
        const call = new Call({ onHead: this.#reporter(request), onChunk });
        onEnd((reason) => call.abort(reason));
        this.#connections.by(tls).dispatch(this.#dispatchOf(request, headers), call);
        return call.answer.catch((thrown: unknown) => this.#fail(thrown, request));
      });
      const { statusCode, headers } = answer;
      const body = onChunk && statusCode < 400 ? undefined : bodyOf(answer);
      if (statusCode >= 400 && !accept.includes(statusCode)) throw failure(answer, body, request);
      return { statusCode, body, date: headers['date']?.toString() };
    });
  }

  /** Calls; after a 401, or when the server's certificate is not trusted, once more with credentials read anew. */
  async #withFreshCredentials<T extends Answer>(
    call: (credentials: KubeCredentials) => Promise<T>,
  ): Promise<T> {
    try {
      const answer = await call(await this.#credentials.current({ fresh: false }));
      if (answer.statusCode !== 401) return answer;
    } catch (thrown) {
      // Another authority may have signed the server's certificate since the last look.
      if (!hasCode(thrown, 'Credentials')) throw thrown;
    }
    return call(await this.#credentials.current({ fresh: true }));
  }

  async #open(
    request: KubeRequest & { signal: AbortSignal },
    { headers, tls }: KubeCredentials,
  ): Promise<Answer & { chunks: AsyncIterable<Buffer> }> {
    const report = this.#reporter(request);
    const options = { ...this.#dispatchOf(request, headers), signal: request.signal };
    const opening = this.#connections.by(tls).request(options);
    const response = await opening.catch((thrown: unknown) => {
      report(0);
      return this.#fail(thrown, request);
    });
    report(response.statusCode);
    if (response.statusCode < 400) return { ...response, text: '', chunks: response.body };
    return { ...response, text: await response.body.text(), chunks: empty() };
  }

  #fail(thrown: unknown, request: KubeRequest): never {
    const error = networkError(thrown, request);
    if (error.code === 'Timeout') this.distrust();
    throw error;
  }

  /** Of one try, when the server begins to answer. */
  #reporter({ verb, resource }: KubeRequest): (statusCode: number) => void {
    const { clock, onRequest } = this.#options;
    const start = clock.monotonic();
    return (statusCode) => {
      const seconds = (clock.monotonic() - start) / 1_000;
      onRequest?.({ verb, resource: resource.split(' ', 1)[0] ?? '', statusCode, seconds });
    };
  }

  #dispatchOf(
    { method, path, query, body, contentType, mediaType }: KubeRequest,
    headers: Record<string, string>,
  ): Dispatcher.DispatchOptions & { origin: string } {
    const base = (this.#base ??= baseOf(this.#options.access));
    const withBody = body === undefined ? {} : { 'content-type': contentType ?? 'application/json' };
    return {
      origin: base.origin,
      path: `${base.path}${path}${queryOf(query)}`,
      method,
      headers: { ...headers, accept: mediaType ?? 'application/json', 'user-agent': 'kcg', ...withBody },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: DEFAULT_TIMEOUT_MS,
      // The whole has its own, and a watch may be silent.
      bodyTimeout: 0,
    };
  }
}

function baseOf({ server }: KubeAccess): { origin: string; path: string } {
  const { origin, pathname } = new URL(server);
  return { origin, path: pathname.replace(/\/$/, '') };
}

function mayRepeat(error: KcgError, { method, idempotent = method === 'GET' }: KubeRequest): boolean {
  if (error.code === 'Throttled' || wasNeverSent(error)) return true;
  // A quota is not freed within seconds.
  return idempotent && isRetryable(error) && error.code !== 'Internal' && error.code !== 'LimitExceeded';
}

function queryOf(query: KubeRequest['query'] = {}): string {
  let text = '';
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) text += `${text ? '&' : '?'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}

function bodyOf({ headers, text }: Answer): unknown {
  if (!String(headers['content-type']).includes('json')) return text;
  try {
    return parseJson(text);
  } catch (cause) {
    throw new KcgError('Unavailable', 'the API server answered with broken JSON', { cause });
  }
}

function failure({ statusCode, headers }: Answer, body: unknown, subject: RequestSubject): KcgError {
  const header = headers['retry-after'];
  const retryAfter = Array.isArray(header) ? header[0] : header;
  return statusError({ statusCode, body, retryAfter }, subject);
}

async function* empty(): AsyncIterable<Buffer> {}
