import { describe, expect, test } from 'vitest';
import { isEnded } from '../../../src/leases/lease.ts';
import { decodeRows } from '../../../src/leases/group-rows.ts';
import { fenceWorker } from '../../../src/leases/transitions.ts';
import type { Batch } from '../../../src/runtime/handlers/handler.ts';
import type { OwnershipChange } from '../../../src/runtime/leasing/ownership-change.ts';
import { AGroup, LEASE_MS, type OneWorker } from '../a-group.ts';

const PARENT = 'shardId-000000000000';
const GIVEN_FIRST = 'shardId-000000000001';

function changes({ events }: OneWorker): OwnershipChange[] {
  return events.filter((event) => event.type === 'ShardStarted' || event.type === 'ShardStopped');
}
const last = (worker: OneWorker) => changes(worker).at(-1);
/** What the row of a shard tells of its last change. */
async function told(group: AGroup, shardId = PARENT) {
  const { leases } = decodeRows(await group.table.query('all', { consistent: true }));
  return leases.find((lease) => lease.shardId === shardId)?.lastChange;
}
const refOf = (worker: OneWorker, name: string) => {
  const announced = worker.events.find((event) => event.type === 'WorkerAnnounced');
  return `${name}/${announced?.incarnation}`;
};

describe('a change of owner is told with its reason', () => {
  test('the first owner of a shard', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    expect(changes(a)).toEqual([
      { type: 'ShardStarted', shardId: PARENT, epoch: expect.any(Number), reason: 'FirstOwner' },
    ]);
    expect(await told(group)).toEqual({ why: 'FirstOwner', from: undefined });
  });

  test('taken from a worker that died: which, how long it was silent, who fenced it', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000);
    a.crash();
    await group.clock.advance(3 * LEASE_MS);
    const fenced = b.events.find((event) => event.type === 'WorkerFenced');
    expect(fenced).toMatchObject({ worker: 'a' });
    const taken = last(b);
    expect(taken).toMatchObject({
      reason: 'TakenFromDead',
      from: refOf(a, 'a'),
      death: { how: 'Fenced', by: 'b' },
    });
    expect(await told(group)).toEqual({ why: 'TakenFromDead', from: refOf(a, 'a') });
    const silentMs = taken && 'silentMs' in taken ? (taken.silentMs ?? 0) : 0;
    expect(silentMs).toBeGreaterThanOrEqual(LEASE_MS);
    expect(silentMs).toBeGreaterThanOrEqual(fenced?.type === 'WorkerFenced' ? fenced.silentMs : Infinity);
  });

  test('taken from a worker that the operator declared dead', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000);
    a.crash();
    const { workers } = decodeRows(await group.table.query('all', { consistent: true }));
    await group.table.write(
      fenceWorker(
        workers.find(({ worker }) => worker === 'a')!,
        'operator',
      ),
    );
    await group.clock.advance(LEASE_MS);
    expect(last(b)).toMatchObject({ reason: 'TakenFromDead', death: { how: 'Fenced', by: 'operator' } });
  });

  test('taken from the life before of a worker that came back', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    a.crash();
    const again = group.start('a');
    await group.clock.advance(5_000);
    expect(last(again)).toMatchObject({
      reason: 'TakenFromDead',
      from: refOf(a, 'a'),
      death: { how: 'Replaced' },
    });
  });

  test('taken from a worker that came back but is not ready: how long its life before was silent', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000);
    a.crash();
    group.start('a', { handler: { start: () => new Promise(() => {}) } });
    await group.clock.advance(LEASE_MS);
    expect(last(b)).toMatchObject({
      reason: 'TakenFromDead',
      from: refOf(a, 'a'),
      death: { how: 'Replaced' },
      silentMs: expect.any(Number),
    });
  });

  test('given by a worker that stops, and why on both sides', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000);
    await group.until(a.stop());
    await group.clock.advance(LEASE_MS);
    expect(last(a)).toMatchObject({
      reason: 'GivenByDraining',
      to: refOf(b, 'b'),
      handoffMs: expect.any(Number),
    });
    expect(last(b)).toMatchObject({ reason: 'GivenByDraining', from: refOf(a, 'a') });
  });

  test('given to a newer revision', async () => {
    const group = new AGroup(1);
    const a = group.start('a', { revision: 1 });
    await group.clock.advance(5_000);
    const b = group.start('b', { revision: 2 });
    await group.clock.advance(5_000);
    await group.until(a.stop());
    await group.clock.advance(LEASE_MS);
    expect(last(a)).toMatchObject({ reason: 'GivenToNewerRevision' });
    expect(await told(group)).toEqual({ why: 'GivenToNewerRevision', from: refOf(a, 'a') });
    expect(last(b)).toMatchObject({ reason: 'GivenToNewerRevision', from: refOf(a, 'a') });
  });

  test('given to balance', async () => {
    const group = new AGroup(2);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(2 * LEASE_MS);
    expect(last(a)).toMatchObject({ type: 'ShardStopped', reason: 'GivenToBalance', to: refOf(b, 'b') });
    expect(last(b)).toMatchObject({ type: 'ShardStarted', reason: 'GivenToBalance', from: refOf(a, 'a') });
  });

  test('released when there is nobody to give to, and taken free', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    await group.until(a.stop());
    expect(last(a)).toMatchObject({ type: 'ShardStopped', reason: 'Released' });
    expect(await told(group)).toEqual({ why: 'Released', from: refOf(a, 'a') });
    const b = group.start('b');
    await group.clock.advance(5_000);
    expect(last(b)).toMatchObject({ reason: 'TakenFree', from: refOf(a, 'a') });
  });

  test('an ended shard, and its children', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    group.split(PARENT);
    await group.clock.advance(10_000);
    expect(changes(a)).toMatchObject([
      { reason: 'FirstOwner' },
      { shardId: PARENT, reason: 'Ended' },
      { reason: 'ChildOf', parents: [PARENT] },
      { reason: 'ChildOf', parents: [PARENT] },
    ]);
    const { leases } = decodeRows(await group.table.query('all', { consistent: true }));
    expect(leases.filter(isEnded).map(({ shardId }) => shardId)).toEqual([PARENT]);
  });

  test('lost, when somebody else declared this worker dead, and why', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const { workers } = decodeRows(await group.table.query('all', { consistent: true }));
    await group.table.write(fenceWorker(workers[0]!, 'operator'));
    await group.clock.advance(LEASE_MS);
    expect(a.events).toContainEqual({ type: 'WorkerSelfFenced', reason: 'Fenced', shards: 1 });
    expect(changes(a)).toMatchObject([
      { reason: 'FirstOwner' },
      { reason: 'Lost', why: 'the lease of this worker ran out' },
      { reason: 'TakenFromDead', death: { how: 'Replaced' } },
    ]);
  });

  test('adopted, when the answer to its own take was lost', async () => {
    const group = new AGroup(1);
    const write = group.table.write.bind(group.table);
    let isLost = false;
    group.table.write = async (change, options) => {
      const result = await write(change, options);
      if (change.name !== 'take' || isLost) return result;
      isLost = true;
      a.worker.nudged(); // it reads the row before it repeats the take
      throw new Error('the answer is lost');
    };
    const a = group.start('a');
    await group.clock.advance(2 * LEASE_MS);
    expect(last(a)).toMatchObject({ type: 'ShardStarted', reason: 'Adopted' });
  });
});

describe('a shard that somebody has moved by hand', () => {
  test('is dropped though nothing was to be written to it, and taken by what the row says', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const row = group.table.rows().find(({ shard_id }) => shard_id === PARENT)!;
    const epoch = Number(row['epoch']) + 1;
    const { ref: _, ...free } = row;
    group.table.store(PARENT, { ...free, epoch });
    await group.clock.advance(90_000);
    const [, stopped, started] = changes(a);
    expect(stopped).toMatchObject({ type: 'ShardStopped', reason: 'Lost', epoch: epoch - 1 });
    expect(started).toMatchObject({ type: 'ShardStarted', epoch: epoch + 1 });
  });
});

describe('a worker that stops', () => {
  test('waits for a shard that it is giving for balance: nobody else has it meanwhile', async () => {
    const group = new AGroup(2);
    let finish = () => {};
    const busy = new Promise<void>((resolve) => (finish = resolve));
    let running = 0;
    const handle = async ({ shardId }: Batch) => {
      if (shardId !== GIVEN_FIRST) return { outcome: 'done' as const };
      running += 1;
      await busy;
      running -= 1;
      return { outcome: 'done' as const };
    };
    const a = group.start('a', { handler: { handle } });
    await group.clock.advance(5_000);
    for (let i = 0; i < 20; i += 1) group.put('x', `key-${i}`);
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000); // a drains one shard for b, whose handler does not answer
    expect(changes(b)).toEqual([]);
    let stopped = false;
    void a.stop().then(() => (stopped = true));
    await group.clock.advance(2_000);
    const taken = () => changes(b).map(({ shardId }) => shardId);
    expect({ running, stopped, taken: taken() }).toEqual({ running: 1, stopped: false, taken: [PARENT] });
    finish();
    await group.clock.advance(LEASE_MS);
    expect({ running, stopped }).toEqual({ running: 0, stopped: true });
    expect(taken()).toEqual([PARENT, GIVEN_FIRST]);
  });
});
