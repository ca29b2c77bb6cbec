import { parseHashRange, type HashRange } from '../../kinesis/hash-key.ts';
import { compareCheckpoints } from '../../kinesis/position.ts';
import { isHeld } from '../../leases/claim.ts';
import { decodeRows, type GroupRows } from '../../leases/group-rows.ts';
import { decodeLease, type Lease } from '../../leases/lease.ts';
import type { Row } from '../../leases/row.ts';
import { decodeWorker, type WorkerRow, type WorkerState } from '../../leases/worker-row.ts';
import { digestOf, formatWord } from '../../view/group-word.ts';

/**
 * What this worker believes about its group: the last reads, corrected by what it wrote or read strongly since. An
 * eventually consistent read can be older than that, so of each shard the row that is further on is kept.
 */
export class GroupState {
  #leases = new Map<string, Lease>();
  #workers: WorkerRow[] = [];
  /** Of this worker's present life. */
  #own: WorkerRow | undefined;
  #startAt: number | undefined;
  #paused: boolean;
  #held = false;

  constructor(paused = false) {
    this.#paused = paused;
  }

  /** As the claim says: nobody is to own a shard. */
  get paused(): boolean {
    return this.#paused;
  }

  /** As the claim says: positions are on their way, and nobody else is to add a shard. */
  get isHeld(): boolean {
    return this.#held;
  }

  get leases(): Lease[] {
    return [...this.#leases.values()];
  }

  get workers(): readonly WorkerRow[] {
    return this.#workers;
  }

  /** Ms since the epoch; what `Latest` was pinned to. */
  get startAt(): number | undefined {
    return this.#startAt;
  }

  /** What this worker tells of its group: all that it has read of the workers. */
  get word(): string | undefined {
    return this.#own && formatWord({ ...this.#own, digest: digestOf(this.#workers) });
  }

  lease(shardId: string): Lease | undefined {
    return this.#leases.get(shardId);
  }

  /** Hash ranges of those of the shards that have a row which tells them. */
  rangesOf(shardIds: readonly string[]): HashRange[] {
    return shardIds.flatMap((shardId) => {
      const { hashStart, hashEnd } = this.#leases.get(shardId) ?? {};
      return hashStart === undefined || hashEnd === undefined ? [] : [parseHashRange({ hashStart, hashEnd })];
    });
  }

  /** A read of all rows. A shard that it does not show is gone (or too new for it: the next read shows it). */
  readAll(rows: readonly Row[]): GroupRows {
    const group = decodeRows(rows);
    const previous = this.#leases;
    this.#leases = new Map(
      group.leases.map((lease) => [lease.shardId, further(lease, previous.get(lease.shardId))]),
    );
    this.#workers = this.#further(group.workers);
    this.#startAt = group.claim?.startAt ?? this.#startAt;
    this.#held = isHeld(group.claim);
    this.#paused = this.#held || (group.claim?.paused ?? false);
    return group;
  }

  /**
   * A read of the worker rows. True when one of them has died, so that anybody may have to do with its shards; who stops
   * gives them away and tells those who get them, and who comes tells those who are to give.
   */
  readWorkers(rows: readonly Row[]): boolean {
    const before = new Map(this.#workers.map((row) => [row.worker, row]));
    this.#workers = this.#further(decodeRows(rows).workers);
    return this.#workers.some((row) => {
      const known = before.get(row.worker);
      if (known !== undefined && known.incarnation !== row.incarnation) return true;
      return row.state === 'dead' && known?.state !== 'dead';
    });
  }

  /**
   * The row after one's own write, or as a strong read shows it; what is known to be further on is kept, because answers
   * can overtake one another.
   */
  learn(row: Row | undefined): Lease | undefined {
    if (row === undefined) return undefined;
    const lease = further(decodeLease(row), this.#leases.get(row.shard_id));
    this.#leases.set(lease.shardId, lease);
    return lease;
  }

  forget(shardId: string): void {
    this.#leases.delete(shardId);
  }

  /** This worker's own row, after its announcement or a beat. */
  learnOwn(row: WorkerRow): void {
    this.#own = this.#own ? furtherLife(row, this.#own) : row;
    this.#workers = this.#further(this.#workers);
  }

  /** This worker drains, whether or not its row says so yet. */
  drains(): void {
    if (this.#own) this.learnOwn({ ...this.#own, state: 'draining' });
  }

  /** This worker's row is gone, or about to be: the plan is that of the others. */
  leaves(): void {
    const own = this.#own;
    this.#own = undefined;
    this.#workers = this.#workers.filter((row) => row.worker !== own?.worker);
  }

  /** A worker seen dead by a strong read or one's own fence. */
  learnWorker(worker: string, change: Partial<WorkerRow>): void {
    this.#workers = this.#workers.map((row) => (row.worker === worker ? { ...row, ...change } : row));
  }

  /** As a strong read shows it; undefined: it has gone. */
  readWorker(worker: string, row: Row | undefined): void {
    this.#workers = this.#workers.flatMap((known) => {
      if (known.worker !== worker) return [known];
      return row ? [furtherLife(decodeWorker(row), known)] : [];
    });
  }

  /** No life goes back. What this worker is, it knows better than any read. */
  #further(read: readonly WorkerRow[]): WorkerRow[] {
    const known = new Map(this.#workers.map((row) => [row.worker, row]));
    const own = this.#own;
    const others = read.filter((row) => row.worker !== own?.worker);
    const rows = others.map((row) => furtherLife(row, known.get(row.worker) ?? row));
    return own ? [...rows, own].sort((a, b) => (a.worker < b.worker ? -1 : 1)) : rows;
  }
}

const LIFE: readonly WorkerState[] = ['starting', 'live', 'draining', 'dead'];

function furtherLife(read: WorkerRow, known: WorkerRow): WorkerRow {
  if (read.incarnation !== known.incarnation) return read;
  const state = LIFE[Math.max(LIFE.indexOf(read.state), LIFE.indexOf(known.state))]!;
  return { ...(read.beat >= known.beat ? read : known), state };
}

function further(read: Lease, known: Lease | undefined): Lease {
  if (known === undefined || read.epoch > known.epoch) return read;
  if (read.epoch < known.epoch) return known;
  return compareCheckpoints(read.checkpoint, known.checkpoint) >= 0 ? read : known;
}
