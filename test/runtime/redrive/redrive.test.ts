import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../../src/kinesis/memory/stream-client.ts';
import { isPayloadPosition, payloadPosition } from '../../../src/kinesis/payload-position.ts';
import { copyOf, type UserRecord } from '../../../src/kinesis/record.ts';
import type { StreamClient } from '../../../src/kinesis/stream-client.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { laneOf } from '../../../src/runtime/delivery/lane-of.ts';
import type { GivenUpBatch } from '../../../src/runtime/failure/failure-destination.ts';
import { invocationRecord, recordWithPayload } from '../../../src/runtime/failure/invocation-record.ts';
import type { Handler, HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { OwnHandler } from '../../../src/runtime/handlers/module-handler.ts';
import type { Batch } from '../../../src/runtime/handlers/module-types.ts';
import type {
  ShardContext,
  ShardProcessor,
  ShardProcessorClass,
} from '../../../src/runtime/handlers/shard-types.ts';
import { openPayloads } from '../../../src/runtime/payload/payloads.ts';
import { redrive, type RedriveOptions } from '../../../src/runtime/redrive/redrive.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { passTime } from '../../support/pass-time.ts';
import { aGivenUpBatch } from '../failure/a-given-up-batch.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const DONE: HandlerResult = { outcome: 'done' };
const SHARD = 'shardId-000000000000';

let clock: ManualClock;
let kinesis: MemoryKinesis;
let stream: StreamClient;
let arn: string;
let records: UserRecord[];
/** What is kept, by name. */
let kept: Map<string, string>;
let handed: UserRecord[][];
let lines: string[];
let answer: (records: readonly UserRecord[]) => HandlerResult;

beforeEach(async () => {
  clock = new ManualClock();
  kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 1 });
  stream = memoryStreamClient(kinesis, 'orders');
  ({ arn } = await stream.describe());
  for (let i = 0; i < 20; i += 1)
    kinesis.putRecord('orders', { partitionKey: `k${i}`, data: Buffer.from(`d${i}`) });
  records = await readAll();
  kept = new Map();
  handed = [];
  lines = [];
  answer = () => DONE;
});

async function readAll(): Promise<UserRecord[]> {
  const iterator = await stream.getIterator(SHARD, { at: 'TRIM_HORIZON' });
  const { records: found } = await stream.getRecords(iterator, 10_000);
  return [...deaggregate(found, { placement: { own: undefined, parents: [] } }).records];
}

const givenUp = (change: Partial<GivenUpBatch>) =>
  aGivenUpBatch({ streamArn: arn, shardId: SHARD, ...change });
function keep(change: Partial<GivenUpBatch>, { payload = false } = {}): void {
  const batch = givenUp(change);
  kept.set(`m${kept.size}`, JSON.stringify(payload ? recordWithPayload(batch) : invocationRecord(batch)));
}

async function run({ isOrdered = false, ...change }: Partial<RedriveOptions> & { isOrdered?: boolean } = {}) {
  const handler: Handler = {
    kind: 'log',
    start: async () => {},
    handle: async (batch) => {
      handed.push([...batch.records]);
      return answer(batch.records);
    },
    close: async () => {},
  };
  const store = {
    name: 'here',
    isOrdered,
    async *list() {
      for (const [id, text] of kept) yield { id, text, remove: async () => void kept.delete(id) };
    },
    close: async () => {},
  };
  const running = redrive({
    store,
    handler,
    stream,
    clock,
    random: seededRandom(1),
    log: silentLog,
    groupId: 'shop.orders',
    region: 'eu-west-1',
    summary: { name: 'orders', arn },
    batchSize: 100,
    timeoutMs: 900_000,
    dryRun: false,
    acceptLoss: false,
    passes: () => true,
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
    ...change,
  });
  return passTime(clock, running);
}

const keysOf = (batches: readonly (readonly UserRecord[])[]) =>
  batches.map((batch) => batch.map(({ partitionKey }) => partitionKey));
const NOTHING = { done: 0, records: 0, failed: 0, gone: 0, others: 0 };

describe('batches that were given up', () => {
  it('come to the handler as they are in the stream, and are removed then', async () => {
    keep({ records: records.slice(3, 6) });
    keep({ records: records.slice(9, 10) });
    expect(await run()).toEqual({ ...NOTHING, done: 2, records: 4 });
    expect(handed).toEqual([records.slice(3, 6), records.slice(9, 10)]);
    expect(kept.size).toBe(0);
    expect(lines[0]).toContain(
      `${SHARD} ${records[3]!.sequence}–${records[5]!.sequence}: 3 records redriven`,
    );
  });

  it('are cut to the batch size of the group', async () => {
    keep({ records: records.slice(0, 5) });
    await run({ batchSize: 2 });
    expect(keysOf(handed)).toEqual([['k0', 'k1'], ['k2', 'k3'], ['k4']]);
  });

  it('of a lane come without the records of the others', async () => {
    const own = records.filter(({ partitionKey }) => laneOf(partitionKey, 3) === 1);
    keep({ records: own, lane: 1, lanes: 3 });
    expect(own.length).toBeGreaterThan(2);
    expect(await run()).toMatchObject({ done: 1, records: own.length });
    expect(handed).toEqual([own]);
  });

  it('come without what the filters of the group drop, or dropped then as what is kept tells', async () => {
    const own = records.filter((_, index) => index % 2 === 0);
    keep({ records: own });
    await run({ passes: (record) => own.some(({ sequence }) => sequence === record.sequence) });
    keep({ records: own }, { payload: true });
    await run();
    expect(handed).toEqual([own, own]);
  });

  it('stay when they are not of the format, which no filter of data can match', async () => {
    keep({ records: records.slice(0, 1) });
    keep({ records: records.slice(1, 2) }, { payload: true });
    const payloads = await openPayloads({ format: 'Json', compression: 'None' });
    const at = { payloads, passes: () => false };
    expect(await run({ ...at, dryRun: true })).toEqual({ ...NOTHING, failed: 2 });
    expect(await run(at)).toEqual({ ...NOTHING, failed: 2 });
    expect(lines[2]).toMatch(/is not Json: its data is not JSON; left there: m0$/);
    expect([lines.slice(0, 2), kept.size]).toEqual([lines.slice(2), 2]);
  });

  it('of a few that passed the filters come soon, however many lie between them', async () => {
    for (let i = 0; i < 500; i += 1)
      kinesis.putRecord('orders', { partitionKey: 'other', data: Buffer.of(i) });
    kinesis.putRecord('orders', { partitionKey: 'k20', data: Buffer.from('d20') });
    const own = [records[0]!, (await readAll()).at(-1)!];
    keep({ records: own });
    let reads = 0;
    const getRecords: StreamClient['getRecords'] = (...args) => {
      reads += 1;
      return stream.getRecords(...args);
    };
    const passes = ({ partitionKey }: UserRecord) => ['k0', 'k20'].includes(partitionKey);
    await run({ stream: { ...stream, getRecords }, passes });
    expect(handed).toEqual([own]);
    expect(reads).toBeLessThan(20);
  });

  it('are opened one by one, whatever comes out of those beside them', async () => {
    const data = gzipSync(Buffer.alloc(40 * 1024 * 1024));
    for (const partitionKey of ['x', 'y']) kinesis.putRecord('orders', { partitionKey, data });
    keep({ records: (await readAll()).slice(-2) });
    const payloads = await openPayloads({ format: 'Bytes', compression: 'Gzip' });
    expect(await run({ payloads })).toEqual({ ...NOTHING, done: 1, records: 2 });
  });

  it('are not taken for gone when the filters drop some of them now', async () => {
    keep({ records: records.slice(0, 4) });
    const passes = ({ partitionKey }: UserRecord) => partitionKey !== 'k0';
    expect(await run({ passes })).toMatchObject({ done: 1, records: 3, gone: 0 });
    expect(kept.size).toBe(0);
  });

  it('of a part of a KPL aggregate come without the rest of it', async () => {
    const user = (partitionKey: string) => ({ partitionKey, data: Buffer.from(partitionKey) });
    kinesis.putRecord('orders', { ...user('a'), data: encodeAggregate(['a', 'b', 'c', 'd'].map(user)) });
    kinesis.putRecord('orders', { partitionKey: 'e', data: Buffer.from('e') });
    const all = (await readAll()).slice(20);
    keep({ records: all.slice(2) });
    keep({ records: all.slice(0, 2) });
    expect(await run()).toMatchObject({ done: 2, records: 5 });
    expect(keysOf(handed)).toEqual([
      ['c', 'd', 'e'],
      ['a', 'b'],
    ]);
  });

  it.each<[what: string, first: number, data: Uint8Array]>([
    ['parts of a record that is not cut any more', payloadPosition(undefined, 0), Buffer.from('{}')],
    [
      'parts of an aggregate whose records are cut now',
      0,
      encodeAggregate([{ partitionKey: 'a', data: Buffer.from('1') }]),
    ],
  ])('that were %s come once, whole', async (_, first, data) => {
    kinesis.putRecord('orders', { partitionKey: 'a', data });
    kinesis.putRecord('orders', { partitionKey: 'b', data: Buffer.from('2') });
    const [own, next] = (await readAll()).slice(20);
    const part = (index: number) => ({ ...copyOf(own!), subSequence: first + index });
    const batches = [[part(0)], [part(1)], [part(2), next!]];
    for (const records of batches) keep({ records });
    const format = isPayloadPosition(first) ? 'Json' : 'JsonLines';
    const payloads = await openPayloads({ format, compression: 'None' });
    expect(await run({ payloads, dryRun: true })).toEqual({ ...NOTHING, done: 3, records: 2 });
    let isFirst = true;
    answer = () => {
      if (!isFirst) return DONE;
      isFirst = false;
      return { outcome: 'partial', firstFailure: 0 };
    };
    expect(await run({ payloads })).toEqual({ ...NOTHING, done: 2, records: 2, failed: 1 });
    expect(keysOf(handed)).toEqual([['a'], ['a'], ['b']]);
    expect(lines.at(-1)).toMatch(/: 1 record redriven, 1 with an earlier batch$/);
    expect([...kept.keys()]).toEqual(['m0']);
  });

  it.each<[string, HandlerResult]>([
    ['fails', { outcome: 'failed', error: new KcgError('HandlerFailed', 'cannot eat this') }],
    ['answers with a record that failed', { outcome: 'partial', firstFailure: 1 }],
  ])('stay whole when the handler %s, and the others go on', async (_, failure) => {
    keep({ records: records.slice(0, 3) });
    keep({ records: records.slice(3, 4) });
    answer = ({ length }) => (length === 3 ? failure : DONE);
    expect(await run()).toEqual({ ...NOTHING, done: 1, records: 1, failed: 1 });
    expect([...kept.keys()]).toEqual(['m0']);
    expect(lines[0]).toMatch(/the handler failed.*; left there: m0$/);
  });

  it('that stay in a FIFO queue hold back what follows of their shard, and say so', async () => {
    keep({ records: records.slice(0, 3) });
    keep({ records: records.slice(3, 4) });
    keep({ records: records.slice(4, 5), shardId: 'shardId-000000000001' });
    const getIterator: StreamClient['getIterator'] = (_, ...rest) => stream.getIterator(SHARD, ...rest);
    const at = { isOrdered: true, stream: { ...stream, getIterator } };
    await run({ ...at, dryRun: true });
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toContain('sees the first ten messages');
    answer = ({ length }) => (length === 3 ? { outcome: 'partial', firstFailure: 0 } : DONE);
    expect(await run(at)).toEqual({ ...NOTHING, done: 1, records: 1, failed: 2 });
    expect(keysOf(handed)).toEqual([['k0', 'k1', 'k2'], ['k4']]);
    expect([...kept.keys()]).toEqual(['m0', 'm1']);
    expect(lines.at(-1)).toContain('may hold back more');
  });

  it('are neither handed over nor removed in a dry run', async () => {
    keep({ records: records.slice(0, 3) });
    expect(await run({ dryRun: true })).toMatchObject({ done: 1, records: 3 });
    expect([handed, kept.size]).toEqual([[], 1]);
    expect(lines[0]).toContain('3 records to redrive');
  });

  it('are fetched patiently while the stream is throttled', async () => {
    keep({ records: records.slice(0, 3) });
    let throttled = 0;
    const slow: StreamClient = {
      ...stream,
      getRecords: async (...args) => {
        throttled += 1;
        if (throttled < 3) throw new KcgError('Throttled', 'slow down');
        return stream.getRecords(...args);
      },
    };
    expect(await run({ stream: slow })).toMatchObject({ done: 1, records: 3 });
  });

  it('are left there, and tried no more, when their shard stays throttled; those of other shards go on', async () => {
    keep({ records: records.slice(0, 3) });
    keep({ records: records.slice(3, 5) });
    keep({ records: records.slice(5, 6), shardId: 'shardId-000000000001' });
    let tries = 0;
    const slow: StreamClient = {
      ...stream,
      getIterator: async (shardId, ...rest) => {
        if (shardId !== SHARD) return stream.getIterator(SHARD, ...rest);
        tries += 1;
        throw new KcgError('Throttled', 'slow down');
      },
    };
    expect(await run({ stream: slow })).toMatchObject({ done: 1, failed: 2 });
    expect([...kept.keys()]).toEqual(['m0', 'm1']);
    expect(tries).toBe(6);
    expect(lines.slice(0, 2)).toEqual([expect.stringContaining('stays throttled'), expect.any(String)]);
  });

  it('end it when they are handed over and cannot be removed, whatever the reason', async () => {
    keep({ records: records.slice(0, 3) });
    const remove = async () => {
      throw new KcgError('Throttled', 'the queue is too busy');
    };
    const store = {
      name: 'here',
      isOrdered: false,
      async *list() {
        for (const [id, text] of kept) yield { id, text, remove };
      },
      close: async () => {},
    };
    await expect(run({ store })).rejects.toThrow('the queue is too busy');
    expect(handed).toHaveLength(1);
  });
});

describe('with a class, whose instances checkpoint', () => {
  const told: string[] = [];
  beforeEach(() => void told.splice(0));
  class Own implements ShardProcessor {
    init() {
      told.push('init');
    }
    process({ records: { length } }: Batch) {
      told.push(`${length}`);
    }
    close(reason: string, _context: ShardContext) {
      told.push(reason);
    }
  }
  const CLASSES: Record<string, [made: ShardProcessorClass, isDone: boolean, told: string]> = {
    'by itself': [Own, true, 'init 2 1 ShutdownRequested'],
    'at its close': [
      class extends Own {
        static checkpoints = 'manual' as const;
        override close(reason: string, { checkpoint }: ShardContext) {
          super.close(reason, { checkpoint } as ShardContext);
          checkpoint();
        }
      },
      true,
      'init 2 1 ShutdownRequested',
    ],
    never: [
      class extends Own {
        static checkpoints = 'manual' as const;
      },
      false,
      'init 2 1 ShutdownRequested',
    ],
    'and throw': [
      class extends Own {
        override process(batch: Batch) {
          super.process(batch);
          throw new Error('no');
        }
      },
      false,
      'init 2 Failed',
    ],
    'and return work that fails': [
      class extends Own {
        override process(batch: Batch) {
          super.process(batch);
          // Promise.all was forgotten.
          return batch.records.map(() => Promise.reject(new Error('no'))) as never;
        }
      },
      false,
      'init 2 Failed',
    ],
  };
  it.each(Object.entries(CLASSES))(
    '%s: each batch has one, and is done as far as it says so',
    async (_, [made, isDone, calls]) => {
      keep({ records: records.slice(0, 3) });
      const handler = new OwnHandler({
        load: async () => ({ form: 'class', name: 'Own', made }),
        folder: '',
        clock,
      });
      await handler.start(new AbortController().signal);
      const result = isDone ? { done: 1, records: 3 } : { failed: 1 };
      expect(await run({ handler, batchSize: 2 })).toEqual({ ...NOTHING, ...result });
      expect([told.join(' '), kept.size]).toEqual([calls, isDone ? 0 : 1]);
    },
  );

  it('that cannot begin leave the batch there, and say why', async () => {
    keep({ records: records.slice(0, 3) });
    class Broken extends Own {
      override init() {
        throw new Error('no database');
      }
    }
    const handler = new OwnHandler({
      load: async () => ({ form: 'class', name: 'Own', made: Broken }),
      folder: '',
      clock,
    });
    await handler.start(new AbortController().signal);
    expect(await run({ handler })).toEqual({ ...NOTHING, failed: 1 });
    expect(lines[0]).toMatch(/no database.*; left there: m0$/);
  });
});

describe('records that the stream no longer has', () => {
  const gone: StreamClient['getIterator'] = async () => {
    throw new KcgError('NotFound', 'the shard is gone');
  };

  it('are told of, and their batch stays', async () => {
    keep({ records: records.slice(0, 3) });
    expect(await run({ stream: { ...stream, getIterator: gone } })).toEqual({ ...NOTHING, gone: 1 });
    expect([handed, kept.size]).toEqual([[], 1]);
    expect(lines[0]).toMatch(
      /: 3 of 3 records are gone from the stream; left there \(--accept-loss removes it\): m0$/,
    );
  });

  it('are left out when that is accepted, and their batch goes', async () => {
    // As after the retention: reading begins with the oldest record that is kept.
    const trimmed: StreamClient['getIterator'] = (shardId, _, options) =>
      stream.getIterator(shardId, { at: 'AT_SEQUENCE_NUMBER', sequence: records[2]!.sequence }, options);
    keep({ records: records.slice(0, 4) });
    const at = { ...stream, getIterator: trimmed };
    expect(await run({ stream: at })).toEqual({ ...NOTHING, gone: 1 });
    expect(await run({ stream: at, acceptLoss: true })).toMatchObject({ done: 1, records: 2 });
    expect(keysOf(handed)).toEqual([['k2', 'k3']]);
    expect(kept.size).toBe(0);
  });

  it('come from the payload where there is one', async () => {
    keep({ records: records.slice(0, 3) }, { payload: true });
    expect(await run({ stream: { ...stream, getIterator: gone } })).toMatchObject({ done: 1, records: 3 });
    const plain = ({ sequence, partitionKey, arrivedAt, data }: UserRecord) =>
      [sequence, partitionKey, arrivedAt, Buffer.from(data).toString()].join();
    expect(handed[0]!.map(plain)).toEqual(records.slice(0, 3).map(plain));
    expect(lines[0]).toContain('being gone from the stream');
  });

  it("come as the handler gets them now also from a payload of AWS Lambda's", async () => {
    const users = ['a', 'b', 'c'].map((partitionKey) => ({ partitionKey, data: Buffer.from('1\n2') }));
    const aggregate = { ...copyOf(records[0]!), data: encodeAggregate(users) };
    keep({ records: [aggregate, { ...copyOf(records[1]!), data: Buffer.from('3') }] }, { payload: true });
    const payloads = await openPayloads({ format: 'JsonLines', compression: 'None' });
    const passes = ({ partitionKey }: UserRecord) => partitionKey !== 'b';
    await run({ stream: { ...stream, getIterator: gone }, payloads, passes, dryRun: true });
    expect(lines[0]).toContain('5 records to redrive');
  });
});

it("of Lambda's own lanes, too, are told of when the first is gone", async () => {
  keep({ records: [records[0]!, records[9]!] });
  const trimmed: StreamClient['getIterator'] = (shardId, _, options) =>
    stream.getIterator(shardId, { at: 'AT_SEQUENCE_NUMBER', sequence: records[1]!.sequence }, options);
  // The records of the other lanes lie between them, nine in all: more than the batch had.
  expect(await run({ stream: { ...stream, getIterator: trimmed } })).toEqual({ ...NOTHING, gone: 1 });
});

describe('what lies beside them', () => {
  it('is left there when it is of another group, of another stream, or nothing of the kind', async () => {
    keep({ records: records.slice(0, 1), groupId: 'shop.other' });
    keep({ records: records.slice(0, 1), streamArn: arn.replace('orders', 'others') });
    for (const text of ['', 'no JSON', '{}', '[]', '{"KinesisBatchInfo":null}'])
      kept.set(`r${kept.size}`, text);
    const before = new Map(kept);
    expect(await run()).toEqual({ ...NOTHING, others: 7 });
    expect(handed).toEqual([]);
    expect(kept).toEqual(before);
  });

  it("counts when it is Lambda's own of this stream, or came by way of a topic", async () => {
    const own = invocationRecord(givenUp({ records: records.slice(0, 2) }));
    const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:orders';
    kept.set('lambda', JSON.stringify({ ...own, requestContext: { ...own.requestContext, functionArn } }));
    kept.set('topic', JSON.stringify({ Type: 'Notification', MessageId: '1', Message: JSON.stringify(own) }));
    expect(await run()).toMatchObject({ done: 2, records: 4 });
  });
});
