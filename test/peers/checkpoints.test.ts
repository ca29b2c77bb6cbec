import { describe, expect, test } from 'vitest';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { eventsOf, ReadingGroup, SHARDS } from './reading-group.ts';

/*
 * Checkpoints. async-kinesis: tests/test_checkpointers.py and tests/test_dynamodb_checkpointer.py, and the commit path of its
 * consumer. KCL: DynamoDBLeaseRenewerIntegrationTest (updates) and ShardRecordProcessorCheckpointerTest.
 */

const [SHARD, LEFT, RIGHT] = SHARDS;

/** The positions that checkpoints and hand-overs wrote, oldest first, as the number of records before them. */
function written(group: ReadingGroup) {
  const sequences: string[] = [];
  const positions: [name: string, records: number][] = [];
  group.put = (data, key) => {
    const { sequence } = group.kinesis.putRecord('orders', {
      partitionKey: key ?? 'a',
      data: Buffer.from(data),
    });
    sequences.push(sequence);
  };
  const write = group.table.write.bind(group.table);
  const state: { fails: string; code: ErrorCode } = { fails: '', code: 'Throttled' };
  group.table.write = async (change, options) => {
    if (change.name === state.fails) throw new KcgError(state.code, `injected: ${change.name}`);
    const result = await write(change, options);
    const sequence = change.set?.['sequence'];
    if (result.outcome === 'done' && typeof sequence === 'string' && /^\d/.test(sequence))
      positions.push([change.name, sequences.indexOf(sequence) + 1]);
    return result;
  };
  return { positions, state };
}

async function aGroup(intervalMs: number) {
  const group = new ReadingGroup(1);
  const { positions, state } = written(group);
  const config = { checkpointIntervalMs: intervalMs, batchSize: 1 };
  const worker = group.reader('a', { config });
  await group.clock.advance(5_000);
  return { group, worker, positions, state, config };
}

describe('progress', () => {
  // async-kinesis: consecutive commits coalesce, the last wins; interval mode: at most 2 writes for 5 batches
  test('of five batches within one interval is written twice: the first at once, and the last', async () => {
    const { group, positions } = await aGroup(30_000);
    for (let i = 1; i <= 5; i += 1) {
      group.put(String(i));
      await group.clock.advance(1_500);
    }
    expect(group.processed).toHaveLength(5);
    await group.clock.advance(60_000);
    expect(positions).toEqual([
      ['checkpoint', 1],
      ['checkpoint', 5],
    ]);
  });

  // async-kinesis: the interval fires on a quiet stream too
  test('is written though nothing comes after it', async () => {
    const { group, positions } = await aGroup(10_000);
    group.put('1');
    await group.clock.advance(2_000);
    group.put('2');
    await group.clock.advance(60_000);
    expect(positions.at(-1)).toEqual(['checkpoint', 2]);
  });

  // async-kinesis: flushed on close, then released; KCL: shutdownRequested checkpoints the tail
  test('is carried by the release when the worker stops, in one write', async () => {
    const { group, worker, positions } = await aGroup(3_600_000);
    for (let i = 1; i <= 3; i += 1) group.put(String(i));
    await group.clock.advance(5_000);
    await group.until(worker.stop());
    expect(positions).toEqual([
      ['checkpoint', 1],
      ['release', 3],
    ]);
  });

  // async-kinesis: delivered, the next not asked for: not committed
  test('is none while the handler has not answered, and the batch comes again after a crash', async () => {
    const { group, worker, positions } = await aGroup(0);
    group.put('1');
    await group.clock.advance(5_000);
    let handed = 0;
    group.handle = () => {
      handed += 1;
      return new Promise(() => {});
    };
    group.put('2');
    await group.clock.advance(20_000);
    expect(handed).toBe(1);
    expect(positions).toEqual([['checkpoint', 1]]);
    worker.crash();
    group.handle = () => ({ outcome: 'done' });
    group.reader('b');
    await group.clock.advance(30_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
  });

  // DynamoDBLeaseRenewerIntegrationTest: an error in an update leaves the state in memory unchanged (KCL 3.5.1, #1788)
  test('that could not be written stays owed, and is written when it can be', async () => {
    const { group, positions, state } = await aGroup(0);
    state.fails = 'checkpoint';
    group.put('1');
    await group.clock.advance(30_000);
    expect(positions).toEqual([]);
    state.fails = '';
    await group.clock.advance(30_000);
    expect(positions).toEqual([['checkpoint', 1]]);
    expect(group.processed).toEqual(['0:1']);
  });

  // async-kinesis: a newer value that arrives during a flush survives
  test('that comes while a write is under way is written by the next', async () => {
    const { group, positions } = await aGroup(0);
    const write = group.table.write.bind(group.table);
    group.table.write = async (change, options) => {
      if (change.name === 'checkpoint') await group.clock.sleep(3_000);
      return write(change, options);
    };
    group.put('1');
    await group.clock.advance(2_000);
    group.put('2');
    await group.clock.advance(20_000);
    expect(positions).toEqual([
      ['checkpoint', 1],
      ['checkpoint', 2],
    ]);
  });

  // async-kinesis: an error of the backend in the last flush surfaces
  test('that cannot be written while the worker stops is told, and comes again to the next owner', async () => {
    const { group, worker, state } = await aGroup(3_600_000);
    group.put('1');
    await group.clock.advance(5_000);
    group.put('2');
    await group.clock.advance(5_000);
    Object.assign(state, { fails: 'release', code: 'AccessDenied' });
    await group.until(worker.stop());
    expect(eventsOf(worker, 'TableTrouble')).toContainEqual(
      expect.objectContaining({ operation: 'release' }),
    );
    expect(eventsOf(worker, 'ShardStopped')).toMatchObject([{ reason: 'Lost' }]);
    state.fails = '';
    group.reader('b');
    await group.clock.advance(30_000);
    expect(group.processed).toEqual(['0:1', '0:2', '0:2']);
  });

  test('that is throttled while the worker stops is written when it can be, and nothing comes again', async () => {
    const { group, worker, state } = await aGroup(3_600_000);
    group.put('1');
    await group.clock.advance(5_000);
    group.put('2');
    await group.clock.advance(5_000);
    state.fails = 'release';
    const stopped = worker.stop();
    await group.clock.advance(20_000);
    state.fails = '';
    await group.until(stopped);
    group.reader('b');
    await group.clock.advance(30_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
  });

  // DynamoDBLeaseRefresherIntegrationTest: the update of a deleted lease is false and never re-creates it
  test('is not written to a row that somebody deleted: the shard is let go', async () => {
    const { group, worker } = await aGroup(0);
    group.table.store(SHARD, undefined);
    group.put('1');
    await group.clock.advance(3_000);
    expect(group.row(SHARD)).toBeUndefined();
    expect(eventsOf(worker, 'ShardStopped')).toMatchObject([{ shardId: SHARD, reason: 'Lost' }]);
  });
});

describe('where reading goes on', () => {
  // async-kinesis: the owner's checkpoint persists, and re-allocation resumes there
  test('after a stop is behind the last record, for the same worker and for another', async () => {
    const { group, worker } = await aGroup(3_600_000);
    group.put('1');
    await group.clock.advance(5_000);
    await group.until(worker.stop());
    for (const name of ['a', 'b']) {
      group.put(name);
      const next = group.reader(name);
      await group.clock.advance(10_000);
      await group.until(next.stop());
    }
    expect(group.processed).toEqual(['0:1', '0:a', '0:b']);
  });

  // kinesis-consumer-go, docs/testing.md: checkpointEvery bounds what is replayed after a hard crash
  test('after a crash is no further back than the last interval', async () => {
    const { group, worker } = await aGroup(4_000);
    for (let i = 1; i <= 60; i += 1) {
      group.put(String(i));
      await group.clock.advance(500);
    }
    worker.crash();
    group.reader('b');
    await group.clock.advance(60_000);
    const again = group.processed.length - new Set(group.processed).size;
    expect(new Set(group.processed).size).toBe(60);
    expect(again).toBeLessThanOrEqual((4_000 + 1_000) / 500);
  });

  // kinesis-consumer-go: a restart at SHARD_END skips the parent. async-kinesis: a peer rereads the terminal batch
  test('is nowhere in an ended shard, for its worker and for its peers', async () => {
    const { group, worker } = await aGroup(0);
    group.put('parent');
    group.split(SHARD);
    await group.clock.advance(10_000);
    const peer = group.reader('b');
    await group.clock.advance(10_000);
    await group.until(worker.stop());
    await group.until(peer.stop());
    const next = group.reader('c');
    await group.clock.advance(120_000);
    expect(group.processed).toEqual(['0:parent']);
    const started = eventsOf(next, 'ShardStarted').map((event) => 'shardId' in event && event.shardId);
    expect(new Set(started)).toEqual(new Set([LEFT, RIGHT]));
  });
});
