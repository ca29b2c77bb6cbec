import { describe, expect, test } from 'vitest';
import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { decodeLease } from '../../src/leases/lease.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { ENDINGS } from '../../src/runtime/delivery/care.ts';
import type { Batch, HandlerContext, HandlerResult } from '../../src/runtime/handlers/handler.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';
import { AGroup, type OneWorker } from './a-group.ts';

/** How a handler takes its worker with it. */
type Ends = 'crashes' | 'does not stop';

interface Life {
  /** Data of what its handler was called with, batch by batch. */
  calls: string[][];
  attempts: number[];
  events: WorkerEvent[];
  end: () => Promise<void>;
}

/** One worker after the other over one group, of a handler that ends its worker on records that begin with `poison`. */
class Lives {
  readonly group: AGroup;
  readonly #config: Partial<WorkerConfig>;
  readonly #ends: Ends;
  readonly lives: Life[] = [];
  readonly processed: string[] = [];
  #current: OneWorker | undefined;

  constructor(
    config: Partial<WorkerConfig>,
    { ends = 'crashes', shards = 1 }: { ends?: Ends; shards?: number } = {},
  ) {
    this.group = new AGroup(shards);
    this.#config = { maxRecords: 1_000, ...config };
    this.#ends = ends;
  }

  /** Until one life has come to rest without ending, at most `most` of them. */
  async run(most = 20): Promise<void> {
    for (let life = 1; life <= most; life += 1) if (!(await this.one())) return;
    throw new Error(`workers end without end: ${JSON.stringify(this.lives.map(({ calls }) => calls))}`);
  }

  /** One life; true when its handler ended it. */
  async one(restMs = 120_000): Promise<boolean> {
    const calls: string[][] = [];
    const attempts: number[] = [];
    let isEnded = false;
    const handle = async (
      { records }: Batch,
      { attempt, signal }: HandlerContext,
    ): Promise<HandlerResult> => {
      const texts = records.map(({ data }) => Buffer.from(data).toString());
      calls.push(texts);
      attempts.push(attempt);
      await this.group.clock.sleep(10);
      if (!texts.some((text) => text.startsWith('poison'))) {
        this.processed.push(...texts);
        return { outcome: 'done' };
      }
      if (this.#ends === 'crashes') {
        isEnded = true;
        this.#current?.crash();
      }
      return new Promise<HandlerResult>((resolve) => {
        const error = new KcgError('Aborted', 'its time is up');
        const running = new Promise<void>(() => {});
        signal.addEventListener('abort', () => resolve({ outcome: 'failed', error, running }));
      });
    };
    const worker = this.group.start(`w${this.lives.length + 1}`, {
      config: this.#config,
      handler: { kind: 'module', handle },
    });
    this.#current = worker;
    void worker.running.catch(() => (isEnded = true));
    this.lives.push({ calls, attempts, events: worker.events, end: () => worker.stop() });
    for (let ms = 0; ms < restMs && !isEnded; ms += 1_000) await this.group.clock.advance(1_000);
    return isEnded;
  }

  row(shard = 0) {
    return decodeLease(this.group.table.rows().filter((row) => row.shard_id.startsWith('shardId-'))[shard]!);
  }

  /** What was given up, over all lives. */
  givenUp(): number {
    return this.row().givenUp?.records ?? 0;
  }

  async end(): Promise<void> {
    await this.group.until(this.lives.at(-1)!.end());
  }
}

const policy = (retry: Partial<WorkerConfig['retry']>) => ({
  retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false, ...retry },
});

describe('a record on which the worker ends', () => {
  test.each([0, 2])('is given up after its attempts (%i more than one)', async (maxAttempts) => {
    const lives = new Lives({ ...policy({ maxAttempts }), batchSize: 2 });
    for (const text of ['a', 'b', 'poison', 'c', 'd', 'e']) lives.group.put(text);
    await lives.run();
    // The first lives pass the batch before it; then, at one position, those that prove nothing, and those that count.
    expect(lives.lives.length - 1).toBeLessThanOrEqual(1 + ENDINGS + 2 + maxAttempts);
    expect(lives.lives.length - 1).toBeGreaterThanOrEqual(1 + maxAttempts);
    expect(new Set(lives.processed)).toEqual(new Set(['a', 'b', 'd', 'e']));
    expect(lives.givenUp()).toBe(2);
    await lives.end();
    expect(lives.row().unfinished).toBeUndefined();
  });

  test('is set apart by halves, and the others are processed', async () => {
    const lives = new Lives({ ...policy({ maxAttempts: 1, bisectOnError: true }), batchSize: 8 });
    for (const text of ['a', 'b', 'c', 'poison', 'd', 'e', 'f', 'g']) lives.group.put(text);
    await lives.run();
    expect(new Set(lives.processed)).toEqual(new Set(['a', 'b', 'c', 'd', 'e', 'f', 'g']));
    expect(lives.givenUp()).toBe(1);
    await lives.end();
  });

  test('holds its shard for ever where nothing is given up, and nothing is written for it', async () => {
    const lives = new Lives(policy({}));
    for (const text of ['a', 'poison']) lives.group.put(text);
    for (let life = 0; life < 6; life += 1) expect(await lives.one()).toBe(true);
    expect(lives.row().unfinished).toEqual({ endings: 5 });
    expect(lives.givenUp()).toBe(0);
  });

  test('is found in one lane of many, and the order of each key is kept', async () => {
    const lives = new Lives({ ...policy({ maxAttempts: 1 }), batchSize: 3, parallelizationFactor: 4 });
    for (let n = 0; n < 60; n += 1) lives.group.put(n === 37 ? 'poison' : `${n % 7}-${n}`, `${n % 7}`);
    await lives.run();
    const processed = new Set(lives.processed);
    expect(processed.size + lives.givenUp()).toBe(60);
    expect(lives.givenUp()).toBeLessThanOrEqual(3);
    await lives.end();
  });

  test('costs no record of the other shards of its workers', async () => {
    const lives = new Lives({ ...policy({ maxAttempts: 1 }), batchSize: 2 }, { shards: 4 });
    for (let n = 0; n < 80; n += 1) lives.group.put(n === 40 ? 'poison' : `${n}`, `key-${n}`);
    await lives.run();
    const rows = [0, 1, 2, 3].map((shard) => lives.row(shard).givenUp?.records ?? 0);
    expect(rows.filter((count) => count > 0)).toHaveLength(1);
    expect(Math.max(...rows)).toBeLessThanOrEqual(2);
    expect(new Set(lives.processed).size).toBe(80 - Math.max(...rows));
    await lives.end();
  });
});

test('a handler that does not stop, and ends its worker with that, has made an attempt', async () => {
  const lives = new Lives(
    { ...policy({ maxAttempts: 2 }), batchSize: 1, handlerTimeoutMs: 5_000 },
    { ends: 'does not stop' },
  );
  for (const text of ['a', 'poison', 'b']) lives.group.put(text);
  await lives.run();
  expect(lives.lives.length - 1).toBe(3);
  expect(lives.lives.map(({ attempts }) => attempts.at(-1))).toEqual([1, 2, 3, 1]);
  expect(lives.processed).toEqual(['a', 'b']);
  expect(lives.givenUp()).toBe(1);
  await lives.end();
});
