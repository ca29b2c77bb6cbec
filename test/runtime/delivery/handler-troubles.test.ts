import { beforeEach, describe, expect, test } from 'vitest';
import { decodeWorker, encodeTrouble, MAX_FAILING_WHY_BYTES } from '../../../src/leases/worker-row.ts';
import type { Row } from '../../../src/leases/row.ts';
import { KcgError, type ErrorCode } from '../../../src/lib/errors.ts';
import { HandlerTroubles } from '../../../src/runtime/delivery/handler-troubles.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { AGroup } from '../a-group.ts';

describe('what a worker says of its handler', () => {
  let clock: ManualClock;
  let troubles: HandlerTroubles;
  beforeEach(() => {
    clock = new ManualClock();
    troubles = new HandlerTroubles(clock);
  });
  const fail = (shardId: string, message = 'no') =>
    troubles.note({
      type: 'HandlerFailed',
      shardId,
      attempt: 1,
      error: new KcgError('HandlerFailed', message),
      retryInMs: 0,
    });
  const succeed = (shardId: string) =>
    troubles.note({ type: 'BatchDelivered', shardId, records: 1, bytes: 1, millisBehindLatest: 0 });

  test('is nothing after a hiccup', () => {
    fail('a');
    fail('a');
    expect(troubles.worst).toBeUndefined();
    succeed('a');
    fail('a');
    expect(troubles.worst).toBeUndefined();
  });

  test('goes on while a program is only given again what it had before it failed', () => {
    for (const _ of [1, 2, 3]) {
      const delivered = { shardId: 'a', records: 1, bytes: 1, millisBehindLatest: 0 };
      troubles.note({ type: 'BatchDelivered', ...delivered, isRepeat: true });
      fail('a');
    }
    expect(troubles.worst).toEqual({ shards: 1, error: 'no' });
    succeed('a');
    expect(troubles.worst).toBeUndefined();
  });

  test('counts shards that fail again and again, or for long', async () => {
    for (const _ of [1, 2, 3]) fail('a');
    fail('b');
    expect(troubles.worst).toEqual({ shards: 1, error: 'no' });
    await clock.advance(10_000);
    expect(troubles.worst?.shards).toBe(2);
    succeed('a');
    expect(troubles.worst?.shards).toBe(1);
    troubles.note({ type: 'ShardStopped', shardId: 'b', reason: 'Lost' } as never);
    expect(troubles.worst).toBeUndefined();
  });

  const giveUp = (shardId: string) =>
    troubles.note({
      type: 'RecordsGivenUp',
      shardId,
      condition: 'RetryAttemptsExhausted',
      records: 1,
      first: '1',
      last: '1',
      attempts: 4,
    });

  test('is over with a batch that is given up, until three in a row are', async () => {
    for (const _ of [1, 2]) {
      for (const __ of [1, 2, 3, 4]) fail('a');
      giveUp('a');
      await clock.advance(60_000);
      expect(troubles.worst).toBeUndefined();
    }
    fail('a', 'never works');
    giveUp('a');
    expect(troubles.worst).toEqual({ shards: 1, error: 'never works' });
    succeed('a');
    expect(troubles.worst).toBeUndefined();
  });

  test('is over a quarter of an hour after the last of them, and back with the next', async () => {
    for (const _ of [1, 2, 3]) {
      fail('a');
      giveUp('a');
    }
    await clock.advance(899_000);
    expect(troubles.worst).toMatchObject({ shards: 1 });
    await clock.advance(1_000);
    expect(troubles.worst).toBeUndefined();
    fail('a', 'still no');
    expect(troubles.worst).toEqual({ shards: 1, error: 'still no' });
    await clock.advance(3_600_000);
    expect(troubles.worst).toEqual({ shards: 1, error: 'still no' });
  });

  test('of one lane of a shard is not over with what another one does, and counts the shard once', () => {
    const error = new KcgError('HandlerFailed', 'no');
    for (const lane of [0, 1, 0, 1, 0, 1])
      troubles.note({ type: 'HandlerFailed', shardId: 'a', lane, attempt: 1, error });
    troubles.note({
      type: 'BatchDelivered',
      shardId: 'a',
      lane: 2,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    });
    expect(troubles.worst?.shards).toBe(1);
    troubles.note({
      type: 'BatchDelivered',
      shardId: 'a',
      lane: 1,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    });
    expect(troubles.worst?.shards).toBe(1);
    troubles.note({
      type: 'BatchDelivered',
      shardId: 'a',
      lane: 0,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    });
    expect(troubles.worst).toBeUndefined();
  });

  test.each<ErrorCode>(['AccessDenied', 'Timeout'])(
    'is of the destination while that does not take what the handler failed on (%s)',
    (code) => {
      for (const _ of [1, 2, 3]) fail('a', 'poison');
      for (const _ of [1, 2, 3]) fail('b');
      for (const _ of [1, 2, 3])
        troubles.note({
          type: 'DestinationFailed',
          shardId: 'a',
          retryInMs: 1,
          error: new KcgError(code, 'cannot send to the queue'),
        });
      const trouble = { shards: 2, error: 'cannot send to the queue', destination: true };
      expect(troubles.worst).toEqual(trouble);
      const said = encodeTrouble({ handlerTrouble: troubles.worst, readTrouble: undefined });
      expect(said.set).toEqual({ failing: 2, failing_why: trouble.error, failing_hangs: 2 });
      succeed('b');
      expect(troubles.worst).toEqual({ ...trouble, shards: 1 });
      giveUp('a');
      expect(troubles.worst).toBeUndefined();
    },
  );

  test('changes its words once a minute at most', async () => {
    for (const n of [1, 2, 3]) fail('a', `took ${n} ms`);
    expect(troubles.worst?.error).toBe('took 1 ms');
    await clock.advance(60_000);
    fail('a', 'took 4 ms');
    expect(troubles.worst?.error).toBe('took 4 ms');
  });

  test('tells a handler that does not answer in time from one that fails', () => {
    for (const _ of [1, 2, 3]) fail('a', 'no');
    expect(troubles.worst).not.toHaveProperty('hangs');
    const error = new KcgError('Timeout', 'no answer');
    troubles.note({ type: 'HandlerFailed', shardId: 'a', attempt: 4, error, retryInMs: 1 });
    expect(troubles.worst).toMatchObject({ hangs: true });
  });

  test('is one line of bounded length, whole characters', () => {
    for (const _ of [1, 2, 3]) fail('a', `line\n\tnext ${'ü'.repeat(1_000)}`);
    const error = troubles.worst!.error;
    expect(error).toMatch(/^line next ü+…$/);
    expect(Buffer.byteLength(error)).toBeLessThanOrEqual(MAX_FAILING_WHY_BYTES);
  });
});

describe('a worker whose handler fails on every shard', () => {
  const SHARDS = 25;
  const aFailing = async () => {
    let answer: 'failed' | 'done' = 'failed';
    const group = new AGroup(SHARDS);
    group.start('orders-worker-5d8f7c6b94-x7k2p', {
      handler: {
        handle: async () =>
          answer === 'done'
            ? { outcome: 'done' }
            : { outcome: 'failed', error: new KcgError('HandlerFailed', 'x'.repeat(2_000)) },
      },
    });
    for (let n = 0; n < 400; n += 1) group.put(String(n), `key-${n}`);
    await group.clock.advance(40_000);
    const row = () => group.table.rows().find(({ shard_id }) => shard_id.startsWith('worker#'))!;
    return { group, row, recover: () => (answer = 'done') };
  };

  test('says so in its row, until it succeeds', async () => {
    const { group, row, recover } = await aFailing();
    expect(decodeWorker(row()).handlerTrouble).toMatchObject({ shards: SHARDS });
    recover();
    await group.clock.advance(60_000);
    expect(decodeWorker(row()).handlerTrouble).toBeUndefined();
    expect(row()).not.toHaveProperty('failing_why');
  });

  test('keeps the row below 1 KB, with the names a cluster gives', async () => {
    const { row } = await aFailing();
    const inACluster = {
      ...row(),
      group_id: 'shop.orders',
      pod_uid: '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed',
      node: 'ip-10-0-123-45.eu-west-1.compute.internal',
      address: '10.0.123.45:8085',
    };
    expect(bytesOf(inACluster)).toBeLessThan(1_024);
  });
});

/** As DynamoDB counts: names and texts in UTF-8, a number by its digits, a map with an overhead. */
function bytesOf(row: Row): number {
  const size = (value: unknown): number => {
    if (typeof value === 'string') return Buffer.byteLength(value);
    if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 2;
    const entries = Object.entries(value as object);
    return 3 + entries.reduce((sum, [name, item]) => sum + 1 + Buffer.byteLength(name) + size(item), 0);
  };
  return Object.entries(row).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + size(value), 0);
}
