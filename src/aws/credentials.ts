import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../lib/clock.ts';
import { CredentialsLookupError, type CredentialsSource } from './credentials-lookup.ts';
import { AwsRequestHandler } from './request-handler.ts';

export interface AwsCredentialsOptions {
  clock: Clock;
  /** How long one call waits for credentials, ms; default 1,500: less than the bound of any call. The search goes on. */
  patienceMs?: number;
}

type Chain = ReturnType<typeof defaultProvider>;
type Identity = Awaited<ReturnType<Chain>>;
/** Of the client that asks. */
type Caller = Parameters<Chain>[0];

/** What a client is given as `credentials`. Shared by all clients of a process, so that each source is asked once. */
export type AwsCredentials = ((caller?: Caller) => Promise<Identity>) & { memoized: true };

const PATIENCE_MS = 1_500;
/** As the SDK does it: sources give the next credentials this long before these end. */
const RENEW_BEFORE_MS = 300_000;
/** Between two looks at the files, and two tries to renew what still holds. */
const LOOK_AGAIN_MS = 5_000;
/** A source that is silent for longer than this has timed out: the SDK gives the metadata service one second. */
const SILENT_MS = 900;

/**
 * The SDK's chain of sources (environment, shared files, process, web identity, container, instance), which by itself keeps
 * what files gave it for good and waits for a silent source for longer than a call may take. Here files that change are
 * read again, credentials that end are renewed behind those that still hold, and a search without an end fails the call
 * with the name of what is silent.
 *
 * The provider throws `CredentialsLookupError`.
 */
export function awsCredentials(
  { clock, patienceMs = PATIENCE_MS }: AwsCredentialsOptions = { clock: systemClock },
): AwsCredentials {
  const keeper = new CredentialsKeeper(clock, patienceMs);
  // `memoized`: asked before each call, without the SDK's own memory in front.
  return Object.assign((caller: Caller | undefined) => keeper.provide(caller), { memoized: true as const });
}

class CredentialsKeeper {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #handler = new AwsRequestHandler({
    connectionTimeoutMs: 1_000,
    socketTimeoutMs: 5_000,
    maxSockets: 8,
  });
  #held: Identity | undefined;
  #asking: Promise<Identity> | undefined;
  #source: { name: CredentialsSource; sinceMs: number } | undefined;
  /** Of the files, when they were last read; changes with them. */
  #readStamp = '';
  /** Monotonic. */
  #lookedMs = -Infinity;

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  async provide(caller: Caller | undefined): Promise<Identity> {
    const leftMs = this.#held ? this.#leftMs(this.#held) : 0;
    const held = leftMs > 0 ? this.#held : undefined;
    if (held && !(await this.#isTimeToAsk(leftMs))) return held;
    this.#asking ??= this.#ask(caller).finally(() => (this.#asking = undefined));
    if (!held) return this.#patiently(this.#asking);
    // New files are worth waiting for: what they replace may have ended. What still holds is the answer until then.
    return this.#patiently(this.#asking).catch(() => held);
  }

  #leftMs({ expiration }: Identity): number {
    return expiration === undefined ? Infinity : expiration.getTime() - this.#clock.now();
  }

  async #isTimeToAsk(leftMs: number): Promise<boolean> {
    if (this.#clock.monotonic() - this.#lookedMs < LOOK_AGAIN_MS) return false;
    this.#lookedMs = this.#clock.monotonic();
    return leftMs < RENEW_BEFORE_MS || (await stampOfFiles()) !== this.#readStamp;
  }

  async #ask(caller: Caller | undefined): Promise<Identity> {
    this.#lookedMs = this.#clock.monotonic();
    this.#source = undefined;
    try {
      // Before they are read: what is written meanwhile is a change.
      this.#readStamp = await stampOfFiles();
      const provider = defaultProvider({
        ignoreCache: true,
        clientConfig: { requestHandler: this.#handler, maxAttempts: 1 },
        logger: { ...QUIET, debug: (line: unknown) => this.#onStep(String(line)) },
      });
      this.#held = await provider(caller);
      return this.#held;
    } catch (thrown) {
      throw this.#failure({ cause: thrown });
    }
  }

  /** The SDK says in its debug log which source it turns to. */
  #onStep(line: string): void {
    const source = /(?:defaultProvider|remoteProvider)::(\w+)/.exec(line)?.[1];
    if (source) this.#source = { name: source, sinceMs: this.#clock.monotonic() };
  }

  async #patiently(asking: Promise<Identity>): Promise<Identity> {
    const done = new AbortController();
    const late = this.#clock.sleep(this.#patienceMs, { signal: done.signal }).then(() => {
      if (done.signal.aborted) return asking;
      throw this.#failure({ waitedMs: this.#patienceMs });
    });
    // What ends after it was waited for is of no interest to anybody.
    late.catch(() => {});
    try {
      return await Promise.race([asking, late]);
    } finally {
      done.abort();
    }
  }

  #failure({ cause, waitedMs }: { cause?: unknown; waitedMs?: number }): CredentialsLookupError {
    const source = this.#source;
    const silent = source !== undefined && this.#clock.monotonic() - source.sinceMs >= SILENT_MS;
    return new CredentialsLookupError({ source: source?.name, silent, waitedMs, cause });
  }
}

const QUIET = {
  trace() {},
  info() {},
  warn: (line: unknown) => process.emitWarning(String(line)),
  error() {},
};

/** Changes when a shared file is written, replaced, made or removed. */
async function stampOfFiles(): Promise<string> {
  const home = join(homedir(), '.aws');
  const files = [
    process.env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(home, 'credentials'),
    process.env['AWS_CONFIG_FILE'] ?? join(home, 'config'),
  ];
  const stamps = files.map(async (file) => {
    const { ino, size, mtimeMs } = await stat(file.replace(/^~\//, `${homedir()}/`));
    return `${ino} ${size} ${mtimeMs}`;
  });
  return JSON.stringify((await Promise.allSettled(stamps)).map((stamp) => 'value' in stamp && stamp.value));
}
