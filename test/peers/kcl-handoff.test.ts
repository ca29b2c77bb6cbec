import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { eventsOf, ReadingGroup, SHARDS, textOf } from './reading-group.ts';

/*
 * KCL 3: LeaseGracefulShutdownHandlerTest, ShutdownTaskTest, GracefulShutdownCoordinatorTest and
 * ShutdownNotificationTaskTest. There a leader marks a lease, its owner checkpoints and passes it on; here its owner drains
 * the shard and gives it in one write.
 */

const [PARENT, LEFT, RIGHT] = SHARDS;

/** Counts the writes of each name that had an effect. */
function countWrites(group: ReadingGroup): Map<string, number> {
  const counts = new Map<string, number>();
  const write = group.table.write.bind(group.table);
  group.table.write = async (change, options) => {
    const result = await write(change, options);
    const name = `${change.name} ${change.key}`;
    if (result.outcome === 'done') counts.set(name, (counts.get(name) ?? 0) + 1);
    return result;
  };
  return counts;
}

/** Writes of this name (and key) fail with `code` as long as `isBroken`. */
function breakWrites(
  group: ReadingGroup,
  name: string,
  key = '',
  code: 'Throttled' | 'AccessDenied' = 'Throttled',
) {
  const state = { isBroken: true, failed: 0 };
  const write = group.table.write.bind(group.table);
  group.table.write = async (change, options) => {
    if (!state.isBroken || change.name !== name || !change.key.includes(key)) return write(change, options);
    state.failed += 1;
    throw new KcgError(code, `injected: ${name}`);
  };
  return state;
}

/** A handler that holds its batch of a shard until it is let go, or told to stop. */
function hold(group: ReadingGroup, shardId: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  group.handle = async (batch, signal) => {
    if (batch.shardId !== shardId) return { outcome: 'done' };
    const stopped = new Promise<void>((stop) => signal.addEventListener('abort', () => stop()));
    await Promise.race([promise, stopped]);
    return signal.aborted
      ? { outcome: 'failed', error: new KcgError('Aborted', 'stopped') }
      : { outcome: 'done' };
  };
  return resolve;
}

function putOnAll(group: ReadingGroup, text: string): void {
  for (const { hashStart } of group.kinesis.listShards('orders', { filter: { type: 'AT_LATEST' } }).shards)
    group.kinesis.putRecord('orders', {
      partitionKey: 'k',
      explicitHashKey: hashStart,
      data: Buffer.from(text),
    });
}

/** A worker that gives one of its two shards to a newcomer, and whose handler does not let go of it. */
async function aGroupGiving() {
  const group = new ReadingGroup(2);
  const owner = group.reader('a', { config: { handoffTimeoutMs: 20_000 } });
  await group.clock.advance(5_000);
  const given = SHARDS[1];
  const letGo = hold(group, given);
  putOnAll(group, '1');
  await group.clock.advance(2_000);
  const receiver = group.reader('b');
  await group.clock.advance(5_000);
  return { group, owner, receiver, given, letGo };
}

describe('a shard that is being given away', () => {
  // LeaseGracefulShutdownHandlerTest: testEnqueueShutdown…DuplicateLease, …NotInShutdownRequested
  test('is given once, however often its owner hears that it is to move', async () => {
    const { group, owner, receiver, given, letGo } = await aGroupGiving();
    const writes = countWrites(group);
    for (let i = 0; i < 20; i += 1) {
      owner.worker.nudged();
      receiver.worker.nudged();
      await group.clock.advance(100);
    }
    letGo();
    await group.clock.advance(5_000);
    expect(writes.get(`give ${given}`)).toBe(1);
    expect([...writes.keys()].filter((name) => name.startsWith('give'))).toHaveLength(1);
    expect(eventsOf(receiver, 'ShardStarted')).toHaveLength(1);
  });

  // kinesis-consumer-go, docs/testing.md: a claim stops only the donor's shard
  test('stops alone: its owner reads its other shards on meanwhile', async () => {
    const { group, given, letGo } = await aGroupGiving();
    putOnAll(group, '2');
    await group.clock.advance(3_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
    letGo();
    await group.clock.advance(5_000);
    expect(group.processed).toEqual(['0:1', '0:2', '1:1', '1:2']);
    expect(group.lease(given)?.owner).toMatch(/^b\//);
  });

  // LeaseGracefulShutdownHandlerTest: testPendingTimeout…: forced assignment, once
  test('is given once when its handler does not finish in time, and comes again from where it was', async () => {
    const { group, receiver, given, letGo } = await aGroupGiving();
    const writes = countWrites(group);
    await group.clock.advance(20_000);
    expect(writes.get(`give ${given}`)).toBe(1);
    expect(eventsOf(receiver, 'ShardStarted')).toHaveLength(1);
    expect(group.processed).toEqual(['0:1']);
    letGo();
    await group.clock.advance(2_000);
    expect(group.processed).toEqual(['0:1', '1:1']);
  });

  // LeaseGracefulShutdownHandlerTest: testNotOwner…, testCheckpointOwnerMismatch…: no assign
  test('is not given by who has lost it meanwhile', async () => {
    const { group, owner, given, letGo } = await aGroupGiving();
    const row = group.row(given)!;
    const theirs = { ...row, ref: 'c/somebody', epoch: Number(row['epoch']) + 1 };
    group.table.store(given, theirs);
    letGo();
    await group.clock.advance(1_000);
    expect(group.row(given)).toEqual(theirs);
    expect(eventsOf(owner, 'ShardStopped')).toMatchObject([{ shardId: given, reason: 'Lost' }]);
  });
});

// LeaseAssignmentManagerTest: a handoff that has expired is assigned anew, even to the same owner
test('a shard whose receiver dies during the hand-off stays with its owner, which reads it on', async () => {
  const { group, owner, receiver, given, letGo } = await aGroupGiving();
  const before = group.row(given);
  receiver.crash();
  await group.clock.advance(40_000);
  expect(group.row(given)).toMatchObject({ ref: before?.['ref'], epoch: before?.['epoch'] });
  expect(eventsOf(owner, 'HandoffCancelled')).toMatchObject([{ shardId: given }]);
  letGo();
  putOnAll(group, '2');
  await group.clock.advance(60_000);
  expect(group.processed.toSorted()).toEqual(['0:1', '0:2', '1:1', '1:2']);
});

describe('a worker that is told to stop', () => {
  // GracefulShutdownCoordinatorTest / SchedulerTest: no leases; stop twice
  test('ends at once without shards, and a second time told is nothing', async () => {
    const group = new ReadingGroup(1);
    const owner = group.reader('a');
    await group.clock.advance(5_000);
    const spare = group.reader('b');
    await group.clock.advance(5_000);
    await group.until(Promise.all([spare.stop(), spare.stop()]));
    expect(spare.events.at(-1)?.type).toBe('WorkerStopped');
    expect(group.row('worker#b')).toBeUndefined();
    await group.until(owner.stop());
    await group.until(owner.stop());
    expect(eventsOf(owner, 'WorkerStopped')).toHaveLength(1);
  });

  test('before it has begun ends, and leaves nothing behind', async () => {
    const group = new ReadingGroup(1);
    const worker = group.reader('a', { handler: { start: (signal) => group.clock.sleep(1e9, { signal }) } });
    await group.clock.advance(1_000);
    await group.until(worker.stop());
    expect(
      group.table.rows().filter((row) => row['ref'] !== undefined || row.shard_id.startsWith('worker#')),
    ).toEqual([]);
  });

  // ShutdownTaskTest: leaseLost after shutdownRequested drops the lease even when its transfer failed
  test('while its table refuses it to give lets go of all, gives up on none of the others, and says so', async () => {
    const group = new ReadingGroup(3);
    const owner = group.reader('a');
    await group.clock.advance(5_000);
    const broken = breakWrites(group, 'release', SHARDS[1], 'AccessDenied');
    await group.until(owner.stop());
    expect(broken.failed).toBeGreaterThan(0);
    expect(SHARDS.slice(0, 3).map((shardId) => group.lease(shardId)?.owner !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
    expect(eventsOf(owner, 'ShardStopped')).toContainEqual(
      expect.objectContaining({ shardId: SHARDS[1], reason: 'Lost' }),
    );
    expect(eventsOf(owner, 'TableTrouble')[0]).toMatchObject({ operation: 'release' });
    broken.isBroken = false;
    const next = group.reader('b');
    await group.clock.advance(5_000);
    expect(eventsOf(next, 'ShardStarted')).toHaveLength(2);
    // The row of the owner is gone: its shard waits for as long as a lease lasts.
    await group.clock.advance(6_000);
    expect(eventsOf(next, 'ShardStarted')).toHaveLength(3);
  });
});

describe('the end of a shard', () => {
  async function aClosedShard() {
    const group = new ReadingGroup(1);
    const worker = group.reader('a');
    await group.clock.advance(5_000);
    return { group, worker };
  }
  const ended = (group: ReadingGroup) => group.lease(PARENT)?.checkpoint.at === 'SHARD_END';

  // ShutdownTaskTest: the application does not checkpoint at shard end, the task fails and is retried
  test('is not written while its last batch fails, and its children wait', async () => {
    const { group } = await aClosedShard();
    group.handle = ({ shardId, records }) =>
      shardId === PARENT && records.some((record) => textOf(record) === 'last')
        ? { outcome: 'failed', error: new KcgError('HandlerFailed', 'injected') }
        : { outcome: 'done' };
    group.put('last');
    group.split(PARENT);
    putOnAll(group, 'child');
    await group.clock.advance(120_000);
    expect(ended(group)).toBe(false);
    expect(group.processed).toEqual([]);
    group.handle = () => ({ outcome: 'done' });
    await group.clock.advance(40_000);
    expect(ended(group)).toBe(true);
    expect(group.processed).toEqual(['0:last', '1:child', '2:child']);
  });

  // ShutdownTaskTest: creating the child leases throws, and is retried; children before SHARD_END
  test('is not written while its children cannot be, and both are tried again', async () => {
    const { group } = await aClosedShard();
    const broken = breakWrites(group, 'put shard', RIGHT);
    group.split(PARENT);
    await group.clock.advance(20_000);
    expect(broken.failed).toBeGreaterThan(1);
    expect(ended(group)).toBe(false);
    expect(group.lease(LEFT)?.parents).toEqual([PARENT]);
    broken.isBroken = false;
    await group.clock.advance(10_000);
    expect(ended(group)).toBe(true);
    expect([LEFT, RIGHT].map((shardId) => group.lease(shardId)?.owner)).toEqual([
      expect.stringMatching(/^a\//),
      expect.stringMatching(/^a\//),
    ]);
  });

  // ShutdownTaskTest: shard end with and without records; the processor is ended after the records
  test('comes after its records, and also when there are none', async () => {
    const { group, worker } = await aClosedShard();
    group.put('1');
    group.split(PARENT);
    putOnAll(group, '2');
    group.split(LEFT);
    putOnAll(group, '3');
    await group.clock.advance(20_000);
    expect(group.processed.slice(0, 2)).toEqual(['0:1', '1:2']);
    expect(eventsOf(worker, 'ShardStopped')).toMatchObject([
      { shardId: PARENT, reason: 'Ended' },
      { shardId: LEFT, reason: 'Ended' },
    ]);
  });

  // ShutdownTaskTest: merge with one parent lease missing: blocks, bounded retries, then gives the lease up
  test('of one parent of a merge does not start the child while the other has no row but is in the stream', async () => {
    const group = new ReadingGroup(2);
    const worker = group.reader('a');
    await group.clock.advance(5_000);
    await group.until(worker.stop());
    putOnAll(group, 'parents');
    group.kinesis.mergeShards('orders', SHARDS[0], SHARDS[1]);
    putOnAll(group, 'child');
    group.table.store(SHARDS[1], undefined);
    const again = group.reader('b');
    await group.clock.advance(200_000);
    expect(group.processed.indexOf('2:child')).toBe(2);
    expect(new Set(group.processed)).toEqual(new Set(['0:parents', '1:parents', '2:child']));
    expect(eventsOf(again, 'ShardsAdded')).toContainEqual(
      expect.objectContaining({ shardIds: expect.arrayContaining([SHARDS[1]]) }),
    );
    expect(group.lease(SHARDS[2])?.parents.toSorted()).toEqual([SHARDS[0], SHARDS[1]]);
  });
});
