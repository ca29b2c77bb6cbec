import { beforeEach, describe, expect, it } from 'vitest';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { StreamGuard } from '../../src/runtime/stream-guard.ts';
import { Worker } from '../../src/runtime/worker.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SHARD = 'shardId-000000000000';
let clock: VirtualClock;
let kinesis: MemoryKinesis;

beforeEach(() => {
  clock = new VirtualClock();
  kinesis = new MemoryKinesis({ clock, region: 'eu-west-1' });
});

/** Creating and deleting take time in the twin, too. */
async function settled<T>(running: Promise<T>): Promise<T> {
  let done = false;
  void running.catch(() => {}).then(() => (done = true));
  for (let i = 0; !done && i < 1_000; i += 1) await clock.advance(100);
  return running;
}
async function createStream(): Promise<void> {
  kinesis.createStream({ name: 'orders', shardCount: 1 });
  await clock.advance(30_000);
}
async function replaceStream(): Promise<void> {
  kinesis.deleteStream('orders');
  await clock.advance(60_000);
  await createStream();
}

describe('a guarded stream', () => {
  let client: StreamClient;
  let guard: StreamGuard;
  beforeEach(async () => {
    await createStream();
    const plain = memoryStreamClient(kinesis, 'orders');
    guard = new StreamGuard(plain, await settled(plain.describe()), clock);
    client = guard.client();
  });
  const iterator = () => settled(client.getIterator(SHARD, { at: 'TRIM_HORIZON' }));

  it('reads the stream it knows, also after an error', async () => {
    const old = await iterator();
    await expect(
      settled(client.getIterator('shardId-000000000009', { at: 'TRIM_HORIZON' })),
    ).rejects.toThrow();
    await expect(settled(client.getRecords(old, 10))).resolves.toMatchObject({ records: [] });
  });

  it('reads nothing of a stream that was created again under the name', async () => {
    const old = await iterator();
    await replaceStream();
    kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('new') });
    await expect(settled(client.getRecords(old, 10))).rejects.toThrow();
    await expect(iterator()).rejects.toThrow(/stream orders was deleted and created again/);
    await expect(settled(client.listShards({ from: 'TRIM_HORIZON' }))).rejects.toThrow(/created again/);
    await clock.advance(60_000);
    await expect(iterator()).rejects.toThrow(/created again/);
  });

  it('goes on for the others when one is refused and nobody can look', async () => {
    const other = guard.client();
    const mine = await iterator();
    kinesis.faults = (operation) =>
      operation === 'DescribeStreamSummary' ? new KcgError('Throttled', 'rate') : undefined;
    await expect(
      settled(other.getIterator('shardId-000000000009', { at: 'TRIM_HORIZON' })),
    ).rejects.toMatchObject({ code: 'NotFound' });
    await expect(settled(other.getIterator(SHARD, { at: 'TRIM_HORIZON' }))).rejects.toMatchObject({
      code: 'Throttled',
    });
    await expect(settled(client.getRecords(mine, 10))).resolves.toMatchObject({ records: [] });
    kinesis.faults = undefined;
    await clock.advance(5_000);
    await expect(settled(other.getIterator(SHARD, { at: 'TRIM_HORIZON' }))).resolves.toBeTypeOf('string');
  });

  it('stops for all as soon as one has seen that it is another', async () => {
    const other = guard.client();
    const old = await iterator();
    await replaceStream();
    await expect(settled(client.getRecords(old, 10))).rejects.toThrow();
    await expect(iterator()).rejects.toThrow(/created again/);
    await expect(settled(other.getIterator(SHARD, { at: 'TRIM_HORIZON' }))).rejects.toThrow(/created again/);
  });

  it('looks once for all that were refused before', async () => {
    let looks = 0;
    kinesis.faults = (operation) => {
      if (operation === 'DescribeStreamSummary') looks += 1;
      return undefined;
    };
    const clients = Array.from({ length: 20 }, () => guard.client());
    for (const one of clients)
      await settled(one.getIterator('shardId-000000000009', { at: 'TRIM_HORIZON' })).catch(() => {});
    for (const one of clients) {
      await clock.advance(1_000);
      await settled(one.getIterator(SHARD, { at: 'TRIM_HORIZON' }));
    }
    expect(looks).toBe(1);
  });
});

it('lets go of a reader that gives up while the stream is described', async () => {
  await createStream();
  const plain = memoryStreamClient(kinesis, 'orders');
  let isSilent = false;
  const first = await settled(plain.describe());
  const describeStream = () => (isSilent ? new Promise<never>(() => {}) : plain.describe());
  const ofStream = { ...plain, close: () => {}, describe: describeStream };
  const guarded = new StreamGuard(ofStream, first, clock).client();
  await expect(
    settled(guarded.getIterator('shardId-000000000009', { at: 'TRIM_HORIZON' })),
  ).rejects.toThrow();
  isSilent = true;
  const stop = new AbortController();
  const reading = guarded.getIterator(SHARD, { at: 'TRIM_HORIZON' }, { signal: stop.signal });
  const handedOff = expect(reading).rejects.toMatchObject({ code: 'Aborted' });
  stop.abort(new Error('draining'));
  await handedOff;
});

describe('a worker at its start', () => {
  const worker = async (claim: Record<string, string | number>) => {
    await createStream();
    const table = new MemoryLeaseTable();
    await table.write({ name: 'claim', key: 'group#claim', kind: 'put', when: [], set: claim, proof: [] });
    const stop = new AbortController();
    const running = new Worker({
      config: {
        groupId: 'shop.orders',
        stream: { name: 'orders' },
        region: 'eu-west-1',
        endpoints: {},
        table: 'checkpoints',
        initialPosition: { type: 'TrimHorizon' },
        maxRecords: 100,
        pollIntervalMs: 1_000,
        checkpointIntervalMs: 5_000,
        leaseDurationMs: 15_000,
        handoffTimeoutMs: 30_000,
        maxLeases: 0,
        handler: { type: 'log' },
        batchSize: 10,
        batchWindowMs: 0,
        parallelizationFactor: 1,
        handlerTimeoutMs: 900_000,
        retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
      },
      identity: { worker: 'w', podUid: '', node: '', address: '', revision: 0, restartedAt: 0 },
      table,
      stream: memoryStreamClient(kinesis, 'orders'),
      handler: {
        kind: 'log',
        start: async () => {},
        handle: async () => ({ outcome: 'done' }),
        close: async () => {},
      },
      nudge: async () => true,
      clock,
      random: seededRandom(1),
      log: silentLog,
      onEvent: (event) => event.type === 'WorkerLive' && stop.abort(),
    }).run(stop.signal);
    return settled(running);
  };

  it('runs when the claim is of its group and stream', async () => {
    const createdAt = clock.now();
    await expect(
      worker({ claimed_group: 'shop.orders', stream_created_at: createdAt }),
    ).resolves.toBeUndefined();
  });

  it('refuses positions of an earlier stream of the name, before it writes a row', async () => {
    await expect(worker({ stream_created_at: 1_000_000 })).rejects.toThrow(/created again/);
  });

  it("refuses another group's table", async () => {
    await expect(worker({ claimed_group: 'shop.payments' })).rejects.toThrow(
      'table checkpoints holds one group, and that is shop.payments',
    );
  });
});
