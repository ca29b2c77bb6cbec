import { isDeepStrictEqual } from 'node:util';
import { jitterMs } from '../lib/backoff.ts';
import { withDeadline, type Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { Cluster, LeaderElectionLease, LeaderElectionRecord, ObjectKey } from './cluster.ts';

export interface LeaderElectionOptions {
  cluster: Pick<Cluster, 'readLeaderElectionLease' | 'writeLeaderElectionLease'>;
  clock: Clock;
  random: Random;
  /** Where the Lease is. */
  key: ObjectKey;
  /** Unique to this process, not only to its pod: a restarted container is another candidate. */
  identity: string;
  /** How long the others wait after they last saw the Lease move; default 15,000. */
  leaseDurationMs?: number;
  /** How long the leader goes on without a confirmed renewal; default 10,000, must be less. */
  renewDeadlineMs?: number;
  /** Between two tries; default 2,000, must be less still. */
  retryPeriodMs?: number;
  /** What this process looks after, for others to read; absent = all namespaces. */
  namespaces?: readonly string[] | undefined;
  /** Whether the process of that identity is known to be gone; asked about a leader that has missed a renewal. */
  hasEnded?: (identity: string, signal: AbortSignal) => Promise<boolean>;
  onEvent?: (event: LeaderElectionEvent) => void;
}

export type LeaderElectionEvent =
  | { type: 'leading' }
  | { type: 'following'; leader: string }
  | { type: 'failed'; error: KcgError }
  | { type: 'lost'; reason: string }
  | { type: 'released' };

/** `stopped`: the signal aborted, or `lead` returned. `lost`: somebody else may lead by now, so the process should exit. */
export type LeadershipEnd = 'stopped' | 'lost';

/** Times are spread by this share, so that candidates do not try in step. */
const JITTER = 0.2;

/**
 * Waits until this process is the leader, then runs `lead` until `signal` aborts or leadership is lost; both abort the signal
 * that `lead` gets. Its `leads` asks the clock: a process that was frozen is told by the signal only after a while. A clean stop releases the Lease once `lead` has returned, so that another process takes over at once.
 *
 * Semantics of client-go's tools/leaderelection: nobody's clock is compared with another's. A candidate takes the Lease after
 * watching it stand still for its duration on its own monotonic clock; the leader gives up earlier than that, counted from
 * before its last confirmed renewal was sent. Where client-go lets any candidate make a Lease that was deleted, and lead beside the
 * leader that has not looked yet, here the leader makes it anew, and others do when it would have lapsed.
 * @throws KcgError `InvalidInput` when the times do not fit; what `lead` throws.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  signal: AbortSignal,
  lead: (signal: AbortSignal, leads: () => boolean) => Promise<void>,
): Promise<LeadershipEnd> {
  const election = new Election(options);
  if (!(await election.acquire(signal))) return 'stopped';
  const leading = new AbortController();
  const finished = new AbortController();
  const work = lead(AbortSignal.any([signal, leading.signal]), () => election.leads).finally(() =>
    finished.abort(),
  );
  work.catch(() => {});
  const kept = await election.keep(finished.signal);
  if (!kept) {
    leading.abort(new KcgError('Aborted', 'leadership was lost'));
    await election.graceFor(work);
    return 'lost';
  }
  await election.release();
  await work;
  return 'stopped';
}

class Election {
  readonly #options: Required<Omit<LeaderElectionOptions, 'onEvent' | 'namespaces'>> &
    Pick<LeaderElectionOptions, 'namespaces'>;
  readonly #onEvent: (event: LeaderElectionEvent) => void;
  /** The Lease as last read or written, also when it is gone by now, and since when it stands still. */
  #seen: { lease: LeaderElectionLease; since: number } | undefined;
  /** When the last confirmed renewal was sent; absent until we lead. */
  #renewedAt: number | undefined;

  constructor({ onEvent = () => {}, ...options }: LeaderElectionOptions) {
    this.#onEvent = onEvent;
    const defaults = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
    this.#options = { ...defaults, hasEnded: async () => false, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    if (
      leaseDurationMs < 1_000 ||
      renewDeadlineMs >= leaseDurationMs ||
      retryPeriodMs * (1 + JITTER) >= renewDeadlineMs
    ) {
      throw new KcgError(
        'InvalidInput',
        'leader election needs lease duration > renew deadline > 1.2 × retry period',
        {
          fix: 'Use 15 s, 10 s and 2 s, or scale them together.',
        },
      );
    }
  }

  /** At this very moment, as far as this process's clock knows. */
  get leads(): boolean {
    return this.#renewedAt !== undefined && this.#leadsForMs() > 0;
  }

  /** True once we lead; false when the signal aborted first. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    let leader: string | undefined;
    while (!signal.aborted) {
      if ((await this.#try(() => this.#tryAcquire())) === 'held') {
        this.#onEvent({ type: 'leading' });
        return true;
      }
      const holder = this.#seen?.lease.record.holder;
      if (holder && holder !== leader) this.#onEvent({ type: 'following', leader: holder });
      leader = holder;
      await this.#pause(signal);
    }
    return false;
  }

  /** Renews until `finished` aborts (true) or leadership is lost (false). */
  async keep(finished: AbortSignal): Promise<boolean> {
    for (;;) {
      await this.#pause(finished);
      if (finished.aborted) return true;
      const result = this.#leadsForMs() > 0 ? await this.#try(() => this.#renew()) : 'failed';
      if (result === 'held' || (result === 'failed' && this.#leadsForMs() > 0)) continue;
      const reason =
        result === 'taken' ? 'another process holds the Lease' : 'the Lease could not be renewed in time';
      this.#onEvent({ type: 'lost', reason });
      return false;
    }
  }

  /** Best effort: what is not released expires. */
  async release(): Promise<void> {
    const { clock, identity } = this.#options;
    const lease = this.#seen?.lease;
    if (!lease || lease.record.holder !== identity) return;
    const now = clock.now();
    const record = { ...lease.record, holder: '', leaseDurationSeconds: 1, acquiredAt: now, renewedAt: now };
    if ((await this.#try(() => this.#write(record, lease))) === 'held') this.#onEvent({ type: 'released' });
  }

  /** Waits for `work` as long as nobody else can lead yet. */
  async graceFor(work: Promise<void>): Promise<void> {
    const { clock, leaseDurationMs } = this.#options;
    const ended = new AbortController();
    const end = () => ended.abort();
    work.then(end, end);
    await clock.sleep((this.#renewedAt ?? 0) + leaseDurationMs - clock.monotonic(), { signal: ended.signal });
  }

  async #tryAcquire(): Promise<'held' | 'taken'> {
    const { clock, identity } = this.#options;
    const lease = await this.#read();
    const now = clock.now();
    // One that somebody deleted is its holder's all the same, who makes it anew.
    const record = lease?.record ?? this.#seen?.lease.record;
    if (!record) return this.#write({ ...this.#newRecord(now), transitions: 0 }, undefined);
    if (record.holder === identity) return this.#write({ ...record, ...this.#renewal(now) }, lease);
    const standsStillMs = clock.monotonic() - (this.#seen?.since ?? 0);
    const isFree = record.holder === '' || standsStillMs >= record.leaseDurationSeconds * 1_000;
    if (!isFree && !(await this.#hasEnded(record.holder, standsStillMs))) return 'taken';
    return this.#write({ ...this.#newRecord(now), transitions: record.transitions + 1 }, lease);
  }

  /** A leader that renews as it should is not asked about. */
  async #hasEnded(holder: string, standsStillMs: number): Promise<boolean> {
    const { hasEnded, retryPeriodMs } = this.#options;
    if (standsStillMs < retryPeriodMs * (1 + 2 * JITTER)) return false;
    return this.#bounded('find out about the holder of', (signal) => hasEnded(holder, signal));
  }

  async #renew(): Promise<'held' | 'taken'> {
    const { clock, identity } = this.#options;
    const last = this.#seen?.lease;
    if (last && (await this.#write({ ...last.record, ...this.#renewal(clock.now()) }, last)) === 'held')
      return 'held';
    // Something changed the Lease, perhaps our own write whose answer was lost: its content decides.
    const lease = await this.#read();
    const record = lease ? lease.record : last?.record;
    if (record?.holder !== identity) return 'taken';
    return this.#write({ ...record, ...this.#renewal(clock.now()) }, lease);
  }

  async #read(): Promise<LeaderElectionLease | undefined> {
    const { cluster, key, clock } = this.#options;
    const lease = await this.#bounded('read', (signal) => cluster.readLeaderElectionLease(key, { signal }));
    if (!lease) return undefined;
    if (this.#seen && isDeepStrictEqual(lease.record, this.#seen.lease.record)) this.#seen.lease = lease;
    else this.#seen = { lease, since: clock.monotonic() };
    return lease;
  }

  async #write(
    record: LeaderElectionRecord,
    over: LeaderElectionLease | undefined,
  ): Promise<'held' | 'taken'> {
    const { cluster, key, clock } = this.#options;
    const sentAt = clock.monotonic();
    const result = await this.#bounded('write', (signal) =>
      cluster.writeLeaderElectionLease(key, record, { version: over?.version, signal }),
    );
    if (result.outcome === 'lost') return 'taken';
    this.#seen = { lease: { record, version: result.version }, since: sentAt };
    this.#renewedAt = sentAt;
    return 'held';
  }

  #bounded<T>(verb: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, renewDeadlineMs } = this.#options;
    const limitMs = Math.min(renewDeadlineMs / 2, this.#leadsForMs());
    return withDeadline(clock, limitMs, { what: `to ${verb} the leader election Lease` }, call);
  }

  async #try(step: () => Promise<'held' | 'taken'>): Promise<'held' | 'taken' | 'failed'> {
    try {
      return await step();
    } catch (thrown) {
      this.#onEvent({ type: 'failed', error: KcgError.from(thrown) });
      return 'failed';
    }
  }

  #newRecord(now: number): Omit<LeaderElectionRecord, 'transitions'> {
    const { identity, namespaces } = this.#options;
    const scope = namespaces && namespaces.length > 0 ? { namespaces } : {};
    return { holder: identity, acquiredAt: now, ...this.#renewal(now), ...scope };
  }

  #renewal(now: number): { leaseDurationSeconds: number; renewedAt: number } {
    return { leaseDurationSeconds: Math.ceil(this.#options.leaseDurationMs / 1_000), renewedAt: now };
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock, random, retryPeriodMs } = this.#options;
    const pauseMs = Math.min(jitterMs(retryPeriodMs, JITTER, random), this.#leadsForMs());
    return clock.sleep(pauseMs, { signal });
  }

  /** How long the leader may go on without another renewal, ms; unlimited for a candidate. */
  #leadsForMs(): number {
    const { clock, renewDeadlineMs } = this.#options;
    return this.#renewedAt === undefined ? Infinity : this.#renewedAt + renewDeadlineMs - clock.monotonic();
  }
}
