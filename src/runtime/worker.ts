import type { WorkerConfig } from '../api/worker-config.ts';
import type { StreamSummary } from '../kinesis/stream-client.ts';
import { decodeClaim, isHeld, type Claim } from '../leases/claim.ts';
import { readClaim } from '../leases/read-claim.ts';
import { pinStream } from '../leases/transitions.ts';
import type { WorkerState } from '../leases/worker-row.ts';
import { assert } from '../lib/assert.ts';
import { KcgError } from '../lib/errors.ts';
import { Incarnation } from './incarnation.ts';
import { openPatiently } from './open-patiently.ts';
import { requireSameStream, StreamGuard } from './stream-guard.ts';
import type { WorkerOptions } from './worker-options.ts';

/**
 * One worker process: a sequence of incarnations. One ends when the worker is told to stop (it drains), or when its
 * lease cannot be renewed (it drops everything, and the next one begins from nothing).
 */
export class Worker {
  readonly #options: WorkerOptions;
  #handlerReady = false;
  #life: Incarnation | undefined;
  #ending: AbortSignal | undefined;
  #stopped = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  get state(): WorkerState | 'stopped' {
    return this.#stopped ? 'stopped' : (this.#life?.state ?? 'starting');
  }

  /** Told to stop, or never able to go on: it drains, and its process ends after that. */
  get isEnding(): boolean {
    return this.#ending?.aborted ?? false;
  }

  /** Stream, table and handler answer, and the group is paused: all that is asked of it. */
  get isPaused(): boolean {
    return this.#handlerReady && !this.#stopped && this.#life?.isPaused === true;
  }

  /** Ms behind of each held shard, most first. */
  lag(): [string, number][] {
    return this.#life?.held.lag() ?? [];
  }

  /** How long the progress of each held shard has waited to be written, ms. */
  checkpointAges(): [string, number][] {
    return this.#life?.held.checkpointAges() ?? [];
  }

  /** What it tells of its group, as `GroupWord`; undefined while it cannot vouch for that. */
  word(): string | undefined {
    return this.#life?.word();
  }

  /** Somebody says that the table changed; at these shards when they are named. */
  nudged(shardIds?: readonly string[]): void {
    if (shardIds) this.#life?.coordinator.lookAt(shardIds);
    else this.#life?.coordinator.readAllNext();
  }

  /**
   * Runs until `stop` aborts, then drains and resolves.
   * @throws KcgError when handler or stream can never be used as configured, or `Timeout`, after it has drained, when the
   *   handler does not stop
   */
  async run(stop: AbortSignal): Promise<void> {
    const { handler, config, log } = this.#options;
    const failed = new AbortController();
    const either = AbortSignal.any([stop, failed.signal]);
    this.#ending = either;
    const starting = handler.start(either).then(
      () => {
        this.#handlerReady = true;
        if (handler.open && config.parallelizationFactor > 1)
          log.warn('the handler gets one batch of a shard at a time; parallelizationFactor has no effect');
        this.#life?.heartbeat.wake();
      },
      (thrown: unknown) => failed.abort(KcgError.from(thrown)),
    );
    try {
      const opened = await this.#open(either);
      const stream = opened?.stream;
      let paused = opened?.paused ?? false;
      while (stream && !either.aborted) {
        const guard = new StreamGuard(this.#options.stream, stream, this.#options.clock);
        this.#life = new Incarnation(
          { ...this.#options, stream: guard.client() },
          {
            stream,
            paused,
            isReady: () => this.#handlerReady,
            openStream: () => guard.client(),
            onStuck: (error) => failed.abort(error),
          },
        );
        await this.#life.run(either);
        paused = this.#life.isPaused;
      }
    } finally {
      failed.abort();
      await starting;
      // Whoever waits for that ends its clients, which closing would cut off.
      this.#stopped = true;
      await handler.close();
    }
    if (!stop.aborted && failed.signal.reason instanceof KcgError) throw failed.signal.reason;
  }

  /** The stream, once it is known that the rows are this group's and their positions this stream's. */
  async #open(stop: AbortSignal): Promise<{ stream: StreamSummary; paused: boolean } | undefined> {
    const { stream, config, clock, random, log } = this.#options;
    const waiting = 'stream and table cannot be used yet';
    return openPatiently({ clock, random, log, waiting, awaited: ['NotFound'] }, stop, async () => {
      const summary = await stream.describe({ signal: stop });
      const claim = await this.#readClaim(summary, stop);
      requireOwnClaim(claim, config, summary);
      return { stream: summary, paused: claim.paused || isHeld(claim) };
    });
  }

  async #readClaim(stream: StreamSummary, signal: AbortSignal): Promise<Claim> {
    const { table, config } = this.#options;
    const claim = await readClaim(table, signal);
    if (claim?.groupId !== undefined || claim?.streamCreatedAt !== undefined) return claim;
    const pinned = await table.write(pinStream(config.groupId, stream), { signal });
    assert(pinned.row, 'an update shows its row, done or lost');
    return decodeClaim(pinned.row);
  }
}

/** @throws KcgError `Conflict` when the rows are of another group or of another stream */
function requireOwnClaim(claim: Claim, { groupId, table }: WorkerConfig, stream: StreamSummary): void {
  if (claim.streamCreatedAt !== undefined) requireSameStream(stream, claim.streamCreatedAt);
  if (claim.groupId === undefined || claim.groupId === groupId) return;
  throw new KcgError('Conflict', `table ${table} holds one group, and that is ${claim.groupId}`, {
    resource: `table ${table}`,
    fix: `Give group ${groupId} another table; one whose key is group_id and shard_id holds many groups.`,
  });
}
