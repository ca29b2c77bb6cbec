import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { CredentialsLookupError, type CredentialsSource } from './credentials-lookup.ts';
import { AwsRequestHandler } from './request-handler.ts';

type Provider = ReturnType<typeof defaultProvider>;
export type Identity = Awaited<ReturnType<Provider>>;
/** Of the client that asks. */
type Caller = Parameters<Provider>[0];

/** What a client is given as `credentials`. Shared by all clients of a process, so that each source is asked once. */
export type AwsCredentials = ((caller?: Caller) => Promise<Identity>) & { memoized: true };

/** How long one call waits for credentials: less than the bound of any call. The search goes on. */
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
export function awsCredentials({ clock }: { clock: Clock } = { clock: systemClock }): AwsCredentials {
  return keptCredentials(new Chain(), { clock });
}

/** Where credentials come from. */
export interface CredentialsSearch {
  /** Changes when what was found is not what would be found now. */
  stamp(): Promise<string>;
  /** Calls back with each source that it turns to. */
  find(caller: Caller | undefined, onSource: (name: string) => void): Promise<Identity>;
}

/** What `search` finds, renewed in time. The provider throws `CredentialsLookupError`. */
export function keptCredentials(search: CredentialsSearch, { clock }: { clock: Clock }): AwsCredentials {
  const keeper = new CredentialsKeeper(search, clock);
  // `memoized`: asked before each call, without the SDK's own memory in front.
  return Object.assign((caller: Caller | undefined) => keeper.provide(caller), { memoized: true as const });
}

/** What a program's own `provider` gives, asked for when there is nothing and before what there is ends. */
export function ownCredentials(provider: () => Promise<Identity>): AwsCredentials {
  return keptCredentials({ stamp: async () => '', find: () => askOwn(provider) }, { clock: systemClock });
}

async function askOwn(provider: () => Promise<Identity>): Promise<Identity> {
  const keys: Partial<Identity> | undefined = await provider().catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KcgError('Credentials', `the program's credentials provider failed: ${why}`, { cause });
  });
  if (keys?.accessKeyId && keys.secretAccessKey) return keys as Identity;
  throw new KcgError('Credentials', "the program's credentials provider gave no keys", {
    fix: 'Let it resolve to an object with accessKeyId and secretAccessKey.',
  });
}

class Chain implements CredentialsSearch {
  readonly #handler = new AwsRequestHandler({
    connectionTimeoutMs: 1_000,
    socketTimeoutMs: 5_000,
    maxSockets: 8,
  });

  stamp(): Promise<string> {
    return stampOfFiles();
  }

  async find(caller: Caller | undefined, onSource: (name: string) => void): Promise<Identity> {
    // The SDK says in its debug log which source it turns to.
    const onStep = (line: unknown) => {
      const source = /(?:defaultProvider|remoteProvider)::(\w+)/.exec(String(line))?.[1];
      if (source) onSource(source);
    };
    const provider = defaultProvider({
      ignoreCache: true,
      clientConfig: { requestHandler: this.#handler, maxAttempts: 1 },
      logger: { ...QUIET, debug: onStep },
    });
    return provider(caller);
  }
}

class CredentialsKeeper {
  readonly #search: CredentialsSearch;
  readonly #clock: Clock;
  #held: Identity | undefined;
  #asking: Promise<Identity> | undefined;
  #source: { name: CredentialsSource; sinceMs: number } | undefined;
  /** Of the files, when they were last read; changes with them. */
  #readStamp = '';
  /** Monotonic. */
  #lookedMs = -Infinity;

  constructor(search: CredentialsSearch, clock: Clock) {
    this.#search = search;
    this.#clock = clock;
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
    return leftMs < RENEW_BEFORE_MS || (await this.#search.stamp()) !== this.#readStamp;
  }

  async #ask(caller: Caller | undefined): Promise<Identity> {
    this.#lookedMs = this.#clock.monotonic();
    this.#source = undefined;
    try {
      // Before they are read: what is written meanwhile is a change.
      this.#readStamp = await this.#search.stamp();
      this.#held = await this.#search.find(caller, (name) => {
        this.#source = { name, sinceMs: this.#clock.monotonic() };
      });
      return this.#held;
    } catch (thrown) {
      throw this.#failure({ cause: thrown });
    }
  }

  async #patiently(asking: Promise<Identity>): Promise<Identity> {
    const done = new AbortController();
    const late = this.#clock.sleep(PATIENCE_MS, { signal: done.signal }).then(() => {
      if (done.signal.aborted) return asking;
      throw this.#failure({ waitedMs: PATIENCE_MS });
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
