import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { eventsOf, ReadingGroup, SHARDS, textOf } from './reading-group.ts';

/*
 * What is delivered, from where, and in which order. kinesis-consumer-go: docs/testing.md. async-kinesis: tests/test_consumer.py,
 * tests/test_ordering.py and tests/resharding/, whose scripts never ran there.
 */

const FAILED = { outcome: 'failed', error: new KcgError('HandlerFailed', 'injected') } as const;

/** One record on each open shard. */
function putOnAll(group: ReadingGroup, text: string): void {
  for (const { hashStart } of group.openShards())
    group.kinesis.putRecord('orders', {
      partitionKey: 'k',
      explicitHashKey: hashStart,
      data: Buffer.from(text),
    });
}

describe('a new group', () => {
  // kinesis-consumer-go: LATEST skips the backlog; async-kinesis: wait until ready, then produce with LATEST: all seen
  test('that begins at the tip skips the backlog, and misses nothing from its first moment on', async () => {
    const group = new ReadingGroup(2);
    putOnAll(group, 'backlog');
    await group.clock.advance(5_000); // the tip is put a few seconds early
    const worker = group.reader('a', { config: { initialPosition: { type: 'Latest' } } });
    let number = 0;
    while (worker.worker.state !== 'live') await group.clock.advance(50);
    for (; number < 30; number += 1) {
      putOnAll(group, String(number));
      await group.clock.advance(200);
    }
    await group.clock.advance(10_000);
    expect(group.processed).not.toContain('0:backlog');
    expect(group.processed.filter((line) => line.startsWith('0:'))).toEqual(
      Array.from({ length: 30 }, (_, i) => `0:${i}`),
    );
    expect(group.processed).toHaveLength(60);
  });

  // async-kinesis, the same weakness: a worker that dies before its first checkpoint
  test('that begins at the tip begins there still when its first worker dies before it has written a position', async () => {
    const group = new ReadingGroup(1);
    const config = { initialPosition: { type: 'Latest' } as const };
    const worker = group.reader('a', { config, handler: { handle: async () => FAILED } });
    await group.clock.advance(5_000);
    group.put('1');
    await group.clock.advance(2_000);
    worker.crash();
    group.put('2');
    group.reader('b', { config });
    await group.clock.advance(30_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
  });

  // kinesis-consumer-go: AT_TIMESTAMP boundary
  test('that begins at a moment reads what arrived then and later, and nothing before', async () => {
    const group = new ReadingGroup(1);
    const moments: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      await group.clock.advance(1_000);
      moments.push(group.clock.now());
      group.put(String(i));
    }
    const initialPosition = { type: 'AtTimestamp', timestampMs: moments[2]! } as const;
    group.reader('a', { config: { initialPosition } });
    await group.clock.advance(10_000);
    expect(group.processed).toEqual(['0:2', '0:3', '0:4']);
  });

  // kinesis-consumer-go: children always from TRIM_HORIZON; async-kinesis 3a W8: LATEST loses what children have before they are found
  test.each(['Latest', 'TrimHorizon'] as const)(
    'at %s reads children from their first record, though they are found late',
    async (type) => {
      const group = new ReadingGroup(1);
      const worker = group.reader('a', { config: { initialPosition: { type } } });
      await group.clock.advance(5_000);
      group.put('parent');
      await group.until(worker.stop());
      group.split(SHARDS[0]);
      putOnAll(group, 'child');
      await group.clock.advance(600_000);
      group.reader('b', { config: { initialPosition: { type } } });
      await group.clock.advance(20_000);
      expect(group.processed[0]).toBe('0:parent');
      expect(group.processed.slice(1).toSorted()).toEqual(['1:child', '2:child']);
    },
  );
});

describe('the order of generations', () => {
  // async-kinesis: a multi-generation list; 3a W16: a middle generation does not wait for its own parent
  test('is kept when four of them are there before anybody reads', async () => {
    const group = new ReadingGroup(1);
    putOnAll(group, 'gen 0');
    group.split(SHARDS[0]);
    putOnAll(group, 'gen 1');
    group.split(SHARDS[1]);
    putOnAll(group, 'gen 2');
    group.kinesis.mergeShards('orders', SHARDS[4], SHARDS[2]);
    putOnAll(group, 'gen 3');
    group.reader('a', { config: { maxLeases: 0 } });
    group.reader('b');
    await group.clock.advance(60_000);
    const at = (line: string) => group.processed.indexOf(line);
    expect(new Set(group.processed).size).toBe(group.processed.length);
    for (const [parent, child] of [
      ['0:gen 0', '1:gen 1'],
      ['0:gen 0', '2:gen 1'],
      ['1:gen 1', '3:gen 2'],
      ['1:gen 1', '4:gen 2'],
      ['4:gen 2', '5:gen 3'],
      ['2:gen 1', '5:gen 3'],
    ] as const) {
      expect(at(parent)).toBeGreaterThanOrEqual(0);
      expect(at(parent)).toBeLessThan(at(child));
    }
  });

  // async-kinesis 3a W15: the child of a merge waits for one parent
  test('of a merge waits for both parents, whoever has them', async () => {
    const group = new ReadingGroup(2);
    const workers = [group.reader('a'), group.reader('b')];
    await group.clock.advance(10_000);
    const slow = SHARDS[1];
    group.handle = ({ shardId }) => (shardId === slow ? FAILED : { outcome: 'done' });
    putOnAll(group, 'parent');
    group.kinesis.mergeShards('orders', SHARDS[0], SHARDS[1]);
    putOnAll(group, 'child');
    await group.clock.advance(60_000);
    expect(group.processed).toEqual(['0:parent']);
    expect(group.lease(SHARDS[0])?.checkpoint.at).toBe('SHARD_END');
    group.handle = () => ({ outcome: 'done' });
    await group.clock.advance(60_000);
    expect(group.processed).toEqual(['0:parent', '1:parent', '2:child']);
    expect(workers.flatMap((worker) => eventsOf(worker, 'ShardStarted')).length).toBeGreaterThanOrEqual(3);
  });

  // async-kinesis 3a W17, W20: a list that fails makes children independent, and is asked for five times a second
  test('is kept when the shards cannot be listed at first, and they are not asked for in a hot loop', async () => {
    const group = new ReadingGroup(1);
    putOnAll(group, 'parent');
    group.split(SHARDS[0]);
    putOnAll(group, 'child');
    let asked = 0;
    group.kinesis.faults = (operation) =>
      operation === 'ListShards' && (asked += 1) ? new KcgError('Throttled', 'injected') : undefined;
    group.reader('a');
    await group.clock.advance(120_000);
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(20);
    expect(group.processed).toEqual([]);
    group.kinesis.faults = undefined;
    await group.clock.advance(60_000);
    expect(group.processed[0]).toBe('0:parent');
    expect(group.processed.slice(1).toSorted()).toEqual(['1:child', '2:child']);
  });

  // kinesis-consumer-go: a live reshard is found without a restart, the child is gated
  test('is kept by a reshard under load, without a restart', async () => {
    const group = new ReadingGroup(1);
    group.reader('a');
    group.reader('b');
    await group.clock.advance(10_000);
    let number = 0;
    const puts: Record<string, number[]> = { x: [], y: [], z: [] };
    for (let step = 0; step < 60; step += 1) {
      const key = 'xyz'[step % 3]!;
      group.put(`${key}${(number += 1)}`, key);
      puts[key]!.push(number);
      if (step === 20) group.split(SHARDS[0]);
      await group.clock.advance(500);
    }
    await group.clock.advance(60_000);
    for (const key of ['x', 'y', 'z']) {
      const of = group.processed.map((line) => line.slice(2)).filter((text) => text.startsWith(key));
      expect(of).toEqual(puts[key]!.map((each) => `${key}${each}`));
    }
  });
});

describe('a handler that fails', () => {
  // kinesis-consumer-go: fail-fast does not checkpoint; a retry that succeeds delivers once
  test('moves no position, is told of with its attempts, and gets the same batch again', async () => {
    const group = new ReadingGroup(1);
    const worker = group.reader('a');
    await group.clock.advance(5_000);
    const seen: string[] = [];
    group.handle = ({ records }) => {
      seen.push(records.map(textOf).join());
      return seen.length < 4 ? FAILED : { outcome: 'done' };
    };
    group.put('1');
    group.put('2');
    await group.clock.advance(1_000);
    expect(group.lease(SHARDS[0])?.checkpoint.at).toBe('TRIM_HORIZON');
    await group.clock.advance(30_000);
    expect(seen).toEqual(['1,2', '1,2', '1,2', '1,2']);
    expect(group.processed).toEqual(['0:1', '0:2']);
    expect(eventsOf(worker, 'HandlerFailed').map((event) => 'attempt' in event && event.attempt)).toEqual([
      1, 2, 3,
    ]);
    expect(group.lease(SHARDS[0])?.checkpoint.at).toBe('SEQUENCE');
  });

  // async-kinesis 3a W12: a record that cannot be parsed stops all shards of the process
  test('on one shard holds up that shard alone', async () => {
    const group = new ReadingGroup(3);
    group.reader('a');
    await group.clock.advance(5_000);
    group.handle = ({ shardId }) => (shardId === SHARDS[1] ? FAILED : { outcome: 'done' });
    for (const text of ['1', '2', '3']) {
      putOnAll(group, text);
      await group.clock.advance(20_000);
    }
    expect(group.processed.toSorted()).toEqual(['0:1', '0:2', '0:3', '2:1', '2:2', '2:3']);
    group.handle = () => ({ outcome: 'done' });
    await group.clock.advance(60_000);
    expect(group.processed.filter((line) => line.startsWith('1:'))).toEqual(['1:1', '1:2', '1:3']);
  });

  // async-kinesis 3a W7: the queue is full for 30 s, the rest of the batch is dropped and the next checkpoint passes it
  test('to come back for ten minutes loses nothing: reading waits for it', async () => {
    const group = new ReadingGroup(1);
    group.reader('a', { config: { batchSize: 1 } });
    await group.clock.advance(5_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    group.handle = async () => {
      await promise;
      return { outcome: 'done' };
    };
    const bulk = Buffer.alloc(900_000);
    for (let i = 0; i < 40; i += 1) {
      const data = Buffer.concat([Buffer.from(`${i} `), bulk]);
      group.kinesis.putRecord('orders', { partitionKey: 'a', data });
      await group.clock.advance(1_000);
    }
    let reads = 0;
    group.kinesis.faults = (operation) => void (reads += operation === 'GetRecords' ? 1 : 0);
    await group.clock.advance(600_000);
    expect(reads).toBe(0);
    resolve();
    await group.clock.advance(60_000);
    expect(group.processed.map((line) => line.slice(0, 5).trim().split(' ')[0])).toEqual(
      Array.from({ length: 40 }, (_, i) => `0:${i}`),
    );
  });
});

// async-kinesis 3a W11: a record with this key moves or skips a checkpoint
test('a record that looks like a control message of another program is a record', async () => {
  const group = new ReadingGroup(1);
  group.reader('a');
  await group.clock.advance(5_000);
  const control = JSON.stringify({ __CHECKPOINT__: { ShardId: SHARDS[0], SequenceNumber: '9'.repeat(56) } });
  for (const text of ['1', control, '2']) group.put(text);
  await group.clock.advance(20_000);
  expect(group.processed).toEqual(['0:1', `0:${control}`, '0:2']);
});

// async-kinesis: an expired iterator resumes after the last read; ours falls back to the checkpoint when nothing was read yet
test('an iterator that expires before anything was read is opened again at the checkpoint', async () => {
  const group = new ReadingGroup(1);
  const first = group.reader('a');
  await group.clock.advance(5_000);
  group.put('1');
  await group.clock.advance(5_000);
  await group.until(first.stop());
  group.put('2');
  let left = 3;
  group.kinesis.faults = (operation) =>
    operation === 'GetRecords' && (left -= 1) >= 0 ? new KcgError('ExpiredIterator', 'injected') : undefined;
  group.reader('b');
  await group.clock.advance(30_000);
  expect(group.processed).toEqual(['0:1', '0:2']);
});
