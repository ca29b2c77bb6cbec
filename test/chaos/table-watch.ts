import type { Checkpoint } from '../../src/kinesis/position.ts';
import { compareCheckpoints } from '../../src/kinesis/position.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import type { Lease } from '../../src/leases/lease.ts';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

const LOOK_MS = 100;

/** Looks at the rows all the time, past all proxies: checkpoints and epochs only grow, and no row goes. */
export class TableWatch {
  readonly breaches: string[] = [];
  leases: readonly Lease[] = [];
  workers: readonly WorkerRow[] = [];
  /** Shard and epoch → the checkpoint that was seen in it last. */
  readonly #inEpoch = new Map<string, Checkpoint>();
  readonly #latest = new Map<string, { epoch: number; checkpoint: Checkpoint }>();
  readonly #table: LeaseTable;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #lookMs: number;
  #last: Promise<void> = Promise.resolve();

  constructor(table: LeaseTable, lookMs = LOOK_MS) {
    this.#table = table;
    this.#lookMs = lookMs;
    this.#running = this.#run();
  }

  /** One after the other: the answer to an earlier look, come later, would look like a row that was set back. */
  look(): Promise<void> {
    const look = this.#last.then(() => this.#look());
    this.#last = look.catch(() => {});
    return look;
  }

  async #look(): Promise<void> {
    const { leases, workers } = decodeRows(await this.#table.query('all', { consistent: true }));
    this.leases = leases;
    this.workers = workers;
    for (const { shardId, epoch, checkpoint } of leases) {
      const before = this.#latest.get(shardId);
      if (before && epoch < before.epoch) this.breaches.push(`${shardId}: epoch ${before.epoch} → ${epoch}`);
      if (before && compareCheckpoints(checkpoint, before.checkpoint) < 0)
        this.breaches.push(`${shardId}: checkpoint ${text(before.checkpoint)} → ${text(checkpoint)}`);
      this.#latest.set(shardId, { epoch, checkpoint });
      this.#inEpoch.set(`${shardId} ${epoch}`, checkpoint);
    }
    const there = new Set(leases.map((lease) => lease.shardId));
    for (const shardId of this.#latest.keys()) {
      if (!there.has(shardId)) this.breaches.push(`${shardId}: its row is gone`);
    }
  }

  /** True when the owner of that epoch has checkpointed this record, or one behind it. */
  isCheckpointed(shardId: string, epoch: number, sequence: string): boolean {
    const checkpoint = this.#inEpoch.get(`${shardId} ${epoch}`);
    return checkpoint !== undefined && compareCheckpoints(checkpoint, { at: 'SEQUENCE', sequence }) >= 0;
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // The server may be gone for a while, and a look can be slow on a busy machine.
      await this.look().catch(() => {});
      await clock.sleep(this.#lookMs, { signal: this.#stop.signal });
    }
  }
}

const text = (checkpoint: Checkpoint) => ('sequence' in checkpoint ? checkpoint.sequence : checkpoint.at);
