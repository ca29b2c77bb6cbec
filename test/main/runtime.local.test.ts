import { PutRecordCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import {
  Worker,
  type Batch,
  type ProcessContext,
  type ShardContext,
  type WorkerOptions,
} from '../../src/main/runtime.ts';
import { sdkClient } from '../dev/sdk-client.ts';
import { createStream } from '../support/local-table.ts';

const region = 'eu-west-1';
let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  vi.stubEnv('AWS_REGION', '');
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
});
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  vi.unstubAllEnvs();
});

async function aStream(name: string, shardCount = 1) {
  await createStream(kinesis.kinesis, name, shardCount);
  const client = sdkClient(kinesis.endpoint, { region });
  let number = 0;
  return {
    put: async (count: number, data = (n: number) => `{"n":${n}}`) => {
      for (let left = count; left > 0; left -= 1) {
        number += 1;
        await client.send(
          new PutRecordCommand({
            StreamName: name,
            PartitionKey: `key-${number}`,
            Data: Buffer.from(data(number)),
          }),
        );
      }
    },
    split: async () => {
      const ShardToSplit = 'shardId-000000000000';
      const NewStartingHashKey = String(2n ** 125n);
      await client.send(new SplitShardCommand({ StreamName: name, ShardToSplit, NewStartingHashKey }));
      await until(() => kinesis.kinesis.describe(name).status === 'ACTIVE');
    },
  };
}

function options(stream: string, changes: Partial<WorkerOptions> = {}): WorkerOptions {
  return {
    groupId: `shop.${stream}`,
    stream: { name: stream },
    region,
    endpoints: { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
    table: { name: 'workers', create: true, deletionProtection: false },
    consumer: { pollIntervalMillis: 200 },
    // None runs out, however busy the machine is: so nothing comes twice.
    leases: { durationSeconds: 60 },
    checkpoints: { intervalSeconds: 1 },
    log: silentLog,
    ...changes,
  };
}

const until = (check: () => unknown) =>
  vi.waitFor(() => expect(check()).toBeTruthy(), { timeout: 120_000, interval: 20 });
const numberOf = (record: { json<T>(): T }) => record.json<{ n: number }>().n;
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const sorted = (numbers: number[]) => numbers.toSorted((a, b) => a - b);

describe('a worker in a program of its own', () => {
  it('creates the table, delivers batches, and goes on where it stopped', async () => {
    const stream = await aStream('function');
    await stream.put(5);
    const got: number[] = [];
    const handler: WorkerOptions['handler'] = async (batch) => void got.push(...batch.records.map(numberOf));
    const stop = new AbortController();
    const first = new Worker(options('function', { handler }));
    expect(first.state).toBe('new');
    const running = first.run(stop.signal);
    await until(() => got.length === 5);
    expect(first.state).toBe('live');
    expect(first.shards()).toEqual([{ shardId: 'shardId-000000000000', behindMillis: expect.any(Number) }]);
    expect(await first.metrics()).toContain('kcg_worker_records_total{shard="shardId-000000000000"} 5');
    stop.abort();
    await running;
    expect(first.state).toBe('stopped');
    await stream.put(3);
    const said: string[] = [];
    const error = (message: string) => void said.push(message);
    const log = { ...silentLog, error, child: () => log };
    const second = new Worker(options('function', { handler, table: { name: 'workers' }, log }));
    second.on('*', () => {
      throw new Error('it is not ready');
    });
    second.on('*', async () => {
      throw new Error('nor is what it waits for');
    });
    const events: string[] = [];
    const off = second.on('*', ({ type }) => events.push(type));
    await second.start();
    await until(() => got.length >= 8);
    await second.stop();
    off();
    expect(got).toEqual(upTo(8));
    expect(events).toEqual(
      expect.arrayContaining(['WorkerLive', 'ShardStarted', 'BatchDelivered', 'WorkerStopped']),
    );
    expect(said).toContain('a listener threw');
    await expect(second.run()).rejects.toThrow('has run already');
  });

  it('says what to do when there is no table', async () => {
    await aStream('no-table');
    const worker = new Worker(options('no-table', { handler: async () => {}, table: { name: 'not-there' } }));
    await expect(worker.run()).rejects.toMatchObject({
      code: 'NotFound',
      message: 'there is no table not-there',
      fix: expect.stringContaining('create: true'),
    });
    expect(worker.state).toBe('stopped');
    const another = new Worker(
      options('no-table', { handler: async () => {}, table: { name: 'not-there' } }),
    );
    await expect(another.start()).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('tells why it cannot run whoever runs it, and nobody else', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const listen = { host: '127.0.0.1', port: Number(new URL(kinesis.endpoint).port) };
    const stop = new AbortController();
    const running = new Worker(options('taken-port', { handler: async () => {}, listen })).run(stop.signal);
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'Conflict' });
    await new Promise(setImmediate);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('shares shards with another, and hands them over without delivering twice', async () => {
    const stream = await aStream('shared', 4);
    const got: [string, number][] = [];
    const workerThat = (name: string) =>
      new Worker(
        options('shared', {
          name,
          listen: {},
          handler: async (batch) =>
            void got.push(...batch.records.map((record) => [name, numberOf(record)] as [string, number])),
        }),
      );
    const [a, b] = [workerThat('a'), workerThat('b')];
    await Promise.all([a.start(), b.start()]);
    await until(() => a.shards().length === 2 && b.shards().length === 2);
    await stream.put(40);
    await until(() => got.length === 40);
    expect(new Set(got.map(([name]) => name))).toEqual(new Set(['a', 'b']));
    await a.stop();
    await until(() => b.shards().length === 4);
    await stream.put(10);
    await until(() => got.length >= 50);
    await b.stop();
    expect(sorted(got.map(([, number]) => number))).toEqual(upTo(50));
  });

  it('gives a class for each shard its life, children after their parent', async () => {
    const stream = await aStream('class');
    const told: string[] = [];
    class Processor {
      #shard = '';
      init({ shardId }: ShardContext) {
        this.#shard = shardId.slice(-1);
        told.push(`init ${this.#shard}`);
      }
      async process({ records }: { records: unknown[] }) {
        told.push(...records.map(() => `record of ${this.#shard}`));
      }
      close(reason: string) {
        told.push(`close ${this.#shard} ${reason}`);
      }
    }
    await stream.put(2);
    const worker = new Worker(options('class', { handler: Processor }));
    await worker.start();
    await until(() => told.length === 3);
    await stream.split();
    await until(() => told.includes('init 1') && told.includes('init 2'));
    await worker.stop();
    expect(told.slice(0, 4)).toEqual(['init 0', 'record of 0', 'record of 0', 'close 0 ShardEnded']);
    expect(sorted(told.slice(4).map((line) => told.indexOf(line)))).toHaveLength(4);
    expect(told.slice(6).toSorted()).toEqual(['close 1 ShutdownRequested', 'close 2 ShutdownRequested']);
  });

  it('delivers again what a class with manual checkpoints has not passed', async () => {
    const stream = await aStream('manual');
    await stream.put(6);
    const got: number[][] = [];
    class Manual {
      static checkpoints = 'manual' as const;
      async process({ records }: Batch, context: ProcessContext) {
        got.push(records.map(numberOf));
        context.checkpoint(records.find((record) => numberOf(record) === 4));
      }
    }
    for (const expected of [
      [[1, 2, 3, 4, 5, 6]],
      [
        [1, 2, 3, 4, 5, 6],
        [5, 6],
      ],
    ]) {
      const worker = new Worker(options('manual', { handler: Manual }));
      await worker.start();
      await until(() => got.length === expected.length);
      await worker.stop();
      expect(got).toEqual(expected);
    }
  });
});

describe("a worker's records, one by one", () => {
  it('are done when the next one is asked for; leaving the loop keeps the position', async () => {
    const stream = await aStream('records');
    await stream.put(10);
    const got: number[] = [];
    for await (const record of new Worker(options('records')).records()) {
      got.push(numberOf(record));
      if (got.length === 4) break;
    }
    expect(got).toEqual([1, 2, 3, 4]);
    const failing = async () => {
      for await (const record of new Worker(options('records')).records()) {
        got.push(numberOf(record));
        if (numberOf(record) === 6) record.checkpoint();
        if (numberOf(record) === 7) throw new Error('no');
      }
    };
    await expect(failing()).rejects.toThrow('no');
    expect(got).toEqual([1, 2, 3, 4, 4, 5, 6, 7]);
    const stop = new AbortController();
    const rest: number[] = [];
    for await (const record of new Worker(options('records')).records({ signal: stop.signal })) {
      rest.push(numberOf(record));
      if (rest.length === 4) stop.abort();
    }
    expect(rest).toEqual([7, 8, 9, 10]);
    await stream.put(1);
    for await (const record of new Worker(options('records')).records()) {
      expect(numberOf(record)).toBe(11);
      break;
    }
  });

  it('come of all shards in turn, each in order, through a reshard', async () => {
    const stream = await aStream('turns', 2);
    await stream.put(40);
    const perShard = new Map<string, number[]>();
    const worker = new Worker(options('turns'));
    let taken = 0;
    for await (const record of worker.records()) {
      const numbers = perShard.get(record.shardId) ?? [];
      perShard.set(record.shardId, [...numbers, numberOf(record)]);
      taken += 1;
      if (taken === 20) await stream.split();
      if (taken === 40) await stream.put(20);
      if (taken === 60) break;
    }
    const all = [...perShard.values()];
    for (const numbers of all) expect(numbers).toEqual(sorted(numbers));
    expect(sorted(all.flat())).toEqual(upTo(60));
    expect(perShard.size).toBeGreaterThanOrEqual(3);
  });

  it('are values in the format that is set', async () => {
    const stream = await aStream('formats');
    await stream.put(2, (n) => `${n}\n${n}0\n`);
    const values: unknown[] = [];
    for await (const record of new Worker(options('formats', { format: 'JsonLines' })).records()) {
      values.push(record.value);
      if (values.length === 3) {
        record.checkpoint();
        break;
      }
    }
    for await (const record of new Worker(options('formats', { format: 'JsonLines' })).records()) {
      values.push(record.value);
      break;
    }
    expect(values).toEqual([1, 10, 2, 20]);
  });

  it('end with the error of a worker that cannot run', async () => {
    await aStream('records-no-table');
    const take = async () => {
      for await (const _ of new Worker(
        options('records-no-table', { table: { name: 'not-there' } }),
      ).records())
        break;
    };
    await expect(take()).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('options that are wrong', () => {
  it.each([
    [{ groupId: undefined }, 'groupId: is required; set it to a string'],
    [{ groupId: 'a b' }, 'groupId: "a b" is not in the right form; write for example shop.orders'],
    [{ stream: {} }, 'stream: set exactly one of name and arn'],
    [{ region: undefined }, 'region: is required; set it to a string'],
    [{ batchSize: 0 }, 'batchSize: 0 is too little; write at least 1'],
    [{ batchsize: 1 }, 'batchsize: unknown field; did you mean batchSize?'],
    [{ leases: { durationSeconds: 1 } }, 'leases.durationSeconds: 1 is too little; write at least 5'],
    [
      { initialPosition: { type: 'AtTimestamp' } },
      'initialPosition: type AtTimestamp needs a timestamp, and no other type takes one',
    ],
    [{ format: 'json' }, 'format: "json" is not one of'],
    [{ handler: {} }, 'handler: has to be a function'],
    [{ credentials: {} }, 'credentials: has to be a function that resolves to keys of AWS'],
    [
      { table: { name: 'workers', tags: { a: 'b' } } },
      'table: these are settings of a table that is created',
    ],
    [{ endpoints: { kinesis: 'localhost' } }, 'endpoints.kinesis: "localhost" is not in the right form'],
  ])('%j', (changes, message) => {
    expect(() => new Worker(options('any', changes as Partial<WorkerOptions>))).toThrow(message);
  });

  it('all of them are told', () => {
    const wrong = { groupId: '', batchSize: 0 };
    expect(() => new Worker(options('any', wrong))).toThrow(/groupId: .*\nbatchSize: /);
    expect(() => new Worker(undefined as never)).toThrow('takes an object with options');
  });
});
