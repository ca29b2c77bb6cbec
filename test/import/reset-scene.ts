import { ResetRun, type ResetRunOptions } from '../../src/import/reset/reset-run.ts';
import type { ResetProgress } from '../../src/import/reset/reset-progress.ts';
import type { ResetTarget } from '../../src/import/reset/reset-target.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { MemoryLeaseTable, type MemoryTableHooks } from '../../src/leases/memory/lease-table.ts';
import type { Row } from '../../src/leases/row.ts';
import { formatPosition } from '../../src/import/format-position.ts';
import { ManualClock } from '../support/manual-clock.ts';

export const shardId = (n: number) => `shardId-${String(n).padStart(12, '0')}`;

/** A group that has read some of a stream whose first shard was split: 0 ended, 1 open, 2 and 3 are the children of 0. */
export class ResetScene {
  readonly clock = new ManualClock();
  readonly table: MemoryLeaseTable;
  readonly other = new MemoryLeaseTable();
  readonly kinesis: MemoryKinesis;
  readonly signal = new AbortController().signal;
  readonly sequences: string[] = [];
  /** Between the record of shard 1 that is processed, and the ones that are not. */
  noonMs = 0;

  constructor(hooks: MemoryTableHooks = {}) {
    this.table = new MemoryLeaseTable(hooks);
    this.kinesis = new MemoryKinesis({ clock: this.clock, region: 'eu-west-1', transitionMs: 0 });
  }

  async fill(): Promise<this> {
    const { kinesis, clock } = this;
    kinesis.createStream({ name: 'orders', shardCount: 2 });
    await clock.advance(1_000);
    const put = async (n: number) => {
      const hashKey = kinesis.listShards('orders').shards[n]!.hashStart;
      const record = { partitionKey: `k${n}`, data: Buffer.from('x'), explicitHashKey: hashKey };
      const sequence = kinesis.putRecord('orders', record).sequence;
      await clock.advance(10_000);
      return sequence;
    };
    this.sequences.push(await put(1));
    this.noonMs = clock.now();
    this.sequences.push(await put(1));
    kinesis.splitShard('orders', shardId(0), String(2n ** 125n));
    await clock.advance(10_000);
    const rows: Record<number, Partial<Row>> = {
      0: { sequence: 'SHARD_END', ttl: 99, ref: 'orders-worker-0/a' },
      1: { sequence: this.sequences[1]!, ts: 12, behind_ms: 5, read_at: 6 },
      2: { sequence: 'TRIM_HORIZON', parents: [shardId(0)] },
      3: { sequence: 'TRIM_HORIZON', parents: [shardId(0)] },
    };
    for (const shard of kinesis.listShards('orders').shards) {
      const n = Number(shard.shardId.slice(8));
      const lineage = { hash_start: shard.hashStart, hash_end: shard.hashEnd };
      this.table.store(shard.shardId, { shard_id: shard.shardId, epoch: 100, ...lineage, ...rows[n] });
    }
    this.table.store('group#claim', { shard_id: 'group#claim', claimed_group: 'shop.orders' });
    return this;
  }

  run(to: ResetTarget | undefined, options: Partial<ResetRunOptions> = {}): ResetRun {
    return new ResetRun({
      id: 'uid-1',
      by: 'KinesisOffsetReset shop/one',
      isOfResource: true,
      spec: { initialPosition: { type: 'TrimHorizon' } },
      table: this.table,
      stream: memoryStreamClient(this.kinesis, 'orders'),
      openOther: async () => this.other,
      clock: this.clock,
      to,
      stopsWorkers: false,
      isDryRun: false,
      leaseDurationMs: 15_000,
      ...options,
    });
  }

  /** Until it is over. */
  async over(run: ResetRun): Promise<ResetProgress> {
    for (let steps = 0; steps < 100; steps += 1) {
      const progress = await run.step(this.signal);
      if (progress.outcome !== 'waiting') return progress;
      await this.clock.advance(progress.againInMs);
    }
    throw new Error('not over after 100 steps');
  }

  reset(to: ResetTarget, options: Partial<ResetRunOptions> = {}): Promise<ResetProgress> {
    return this.over(this.run(to, options));
  }

  /** `0 SHARD_END`, in order. */
  positions(): string[] {
    return decodeRows(this.table.rows()).leases.map(
      (lease) => `${Number(lease.shardId.slice(8))} ${formatPosition(lease.checkpoint)}`,
    );
  }

  row(n: number): Row | undefined {
    return this.table.rows().find((row) => row.shard_id === shardId(n));
  }

  get claim() {
    return decodeRows(this.table.rows()).claim;
  }

  /** A worker that owns the shards, and shows signs of life when `beat` is called again. */
  worker(name: string, shards: readonly number[], row: Partial<Row> = {}): void {
    const before = this.table.rows().find((known) => known.shard_id === `worker#${name}`);
    const beat = Number(before?.['beat'] ?? 0) + 1;
    const worker = {
      shard_id: `worker#${name}`,
      incarnation: 'a',
      state: 'live',
      lease_ms: 15_000,
      beat,
      ...row,
    };
    this.table.store(`worker#${name}`, worker);
    for (const n of shards) this.table.store(shardId(n), { ...this.row(n)!, ref: `${name}/a` });
  }

  /** It does as a worker that has seen the hold. */
  release(n: number, change: Partial<Row> = {}): void {
    const { ref: _, ...row } = this.row(n)!;
    this.table.store(shardId(n), { ...row, epoch: Number(row['epoch']) + 1, ...change });
  }
}
