import { expect, test } from 'vitest';
import { ResetRun } from '../../src/import/reset/reset-run.ts';
import type { ResetTarget } from '../../src/import/reset/reset-target.ts';
import { isOpen } from '../../src/kinesis/shard.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { AGroup, LEASE_MS, type OneWorker } from './a-group.ts';

/* Positions that are moved while workers run, are killed and read old rows, and the stream is resharded. */

/** `n`: of its key, from 1 on. */
interface Written {
  key: string;
  n: number;
  atMs: number;
}

/** A group that lives as chance has it. */
class Life {
  readonly group: AGroup;
  readonly written: Written[] = [];
  /** What handlers got since the last reset has begun. */
  delivered: string[] = [];
  readonly #random: () => number;
  readonly #workers: OneWorker[] = [];
  #started = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.group = new AGroup(2, {
      staleness: () => Math.floor(this.#random() * 3),
      onWrite: ({ name }, _, { outcome }) => {
        if (name === 'begin reset' && outcome === 'done') this.delivered = [];
      },
    });
    for (let n = 0; n < 3; n += 1) this.#start();
  }

  #start(): void {
    const handle = async ({ records }: { records: readonly UserRecord[] }) => {
      if (this.#random() < 0.3) await this.group.clock.sleep(this.#random() * 3_000);
      for (const { data } of records) this.delivered.push(Buffer.from(data).toString());
      return { outcome: 'done' as const };
    };
    const config = { checkpointIntervalMs: 1_000, handoffTimeoutMs: 5_000 };
    this.#workers.push(this.group.start(`w-${this.#started}`, { config, handler: { handle } }));
    this.#started += 1;
  }

  #put(): void {
    const key = `key-${Math.floor(this.#random() * 8)}`;
    const n = this.written.filter((record) => record.key === key).length + 1;
    this.written.push({ key, n, atMs: this.group.clock.now() });
    this.group.put(`${key} ${n}`, key);
  }

  #reshard(): void {
    const { kinesis } = this.group;
    const shards = kinesis
      .listShards('orders')
      .shards.filter(isOpen)
      .toSorted((a, b) => (BigInt(a.hashStart) < BigInt(b.hashStart) ? -1 : 1));
    const [one, next] = shards;
    if (next && (shards.length > 4 || this.#random() < 0.5))
      return kinesis.mergeShards('orders', one!.shardId, next.shardId);
    const middle = (BigInt(one!.hashStart) + BigInt(one!.hashEnd)) / 2n;
    return kinesis.splitShard('orders', one!.shardId, String(middle));
  }

  async pass(ms: number): Promise<void> {
    const random = this.#random;
    if (random() < 0.7) this.#put();
    if (random() < 0.03) this.#reshard();
    if (random() < 0.04) {
      this.#workers.shift()!.crash();
      this.#start();
    }
    await this.group.clock.advance(ms);
  }

  /** By operators that follow one another. */
  async reset(id: string, to: ResetTarget): Promise<void> {
    const { table, clock, kinesis } = this.group;
    const { signal } = new AbortController();
    const open = () =>
      new ResetRun({
        id,
        by: 'a test',
        isOfResource: true,
        table,
        stream: memoryStreamClient(kinesis, 'orders'),
        openOther: async () => table,
        clock,
        to,
        spec: { initialPosition: { type: 'TrimHorizon' } },
        stopsWorkers: true,
        isDryRun: false,
        leaseDurationMs: LEASE_MS,
      });
    let run = open();
    for (let step = 0; step < 2_000; step += 1) {
      if (this.#random() < 0.1) run = open();
      const progress = await this.group.until(run.step(signal));
      if (progress.outcome === 'done') return;
      if (progress.outcome === 'failed') throw new Error(progress.message);
      await this.pass(Math.max(50, progress.againInMs));
    }
    throw new Error('the reset does not end');
  }

  async end(): Promise<void> {
    for (let second = 0; second < 300; second += 1) await this.group.clock.advance(1_000);
    await Promise.all(this.#workers.map((worker) => this.group.until(worker.stop())));
  }
}

const seeds = Array.from({ length: 8 }, (_, n) => Number(process.env['KCG_PROPERTY_SEED'] ?? 1) + n);

test.each(seeds)(
  'what is to be read again comes again, in order, whatever happens meanwhile (seed %i)',
  async (seed) => {
    const life = new Life(seed);
    for (let second = 0; second < 40; second += 1) await life.pass(1_000);
    await life.reset('first', { type: 'TrimHorizon' });
    for (let second = 0; second < 5; second += 1) await life.pass(1_000);
    const sinceMs = seed % 2 ? 0 : life.group.clock.now() - 20_000;
    const timestamp = new Date(sinceMs).toISOString();
    await life.reset('second', sinceMs ? { type: 'AtTimestamp', timestamp } : { type: 'TrimHorizon' });
    for (let second = 0; second < 10; second += 1) await life.pass(1_000);
    await life.end();
    const wanted = life.written.filter(({ atMs }) => atMs >= sinceMs);
    for (const key of new Set(wanted.map((record) => record.key))) {
      const asked = wanted.filter((record) => record.key === key).map(({ n }) => `${key} ${n}`);
      // At least once; the first time in order.
      expect([...new Set(life.delivered)].filter((record) => asked.includes(record))).toEqual(asked);
    }
  },
);
