import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { decodeWorker } from '../../src/leases/worker-row.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { fenceWorkers } from '../../src/operator/steps/fence-workers.ts';
import type { GroupLook } from '../../src/view/group-look.ts';
import { Harness, WORKER } from './reconcile-harness.ts';

let h: Harness;
beforeEach(async () => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  h.create();
  await h.converge();
  await h.runWorkers();
  for (const row of shardRows())
    h.table().store(row.shard_id, { ...row, behind_ms: 0, read_at: h.clock.now() });
  await h.converge();
});
afterEach(() => h.close());

const shardRows = () =>
  h
    .table()
    .rows()
    .filter(({ shard_id }) => shard_id.startsWith('shardId'));
const workerStates = () =>
  h
    .table()
    .rows()
    .filter(({ shard_id }) => shard_id.startsWith('worker#'))
    .map(({ state }) => state);
const pollFor = async (seconds: number) => {
  for (let passed = 0; passed < seconds; passed += 5) {
    await h.clock.advance(5_000);
    await h.reconcile();
  }
};
/** The node is lost, and nothing starts in its place. */
async function loseEverything(): Promise<void> {
  await h.losePods();
  h.cluster.update(
    KINDS.deployment,
    WORKER,
    (draft: KubeObject) => (draft.status = { ...(draft.status as object), readyReplicas: 0 }),
    'deployment-controller',
  );
}

describe('workers that vanished', () => {
  test('own nothing after the lease duration: the group is not Ready, and its lag grows', async () => {
    await loseEverything();
    await pollFor(10);
    expect(await h.condition('ShardsCovered')).toBe('True AllOwned');
    await pollFor(15);
    expect(workerStates()).toEqual(['dead', 'dead', 'dead']);
    expect(await h.condition('ShardsCovered')).toBe('False NoLiveWorkers');
    expect(await h.condition('Ready')).toBe('False WorkersStarting');
    expect((await h.status()).leases).toMatchObject({ owned: 0, unowned: 3, workers: 0 });
    await pollFor(600);
    expect((await h.status()).summary).toMatchObject({ shards: '0/3', lag: '12m' });
    const notes = h.cluster.events.filter(({ reason }) => reason === 'WorkerFenced').map(({ note }) => note);
    expect(notes).toHaveLength(3);
    expect(notes[0]).toMatch(/^worker orders-worker-0 has not been heard of for 2\d s/);
  });

  test('are told of even when they cannot be fenced', async () => {
    h.table().write = async () => {
      throw new KcgError('AccessDenied', 'may not call dynamodb:UpdateItem');
    };
    await loseEverything();
    await pollFor(25);
    expect(workerStates()).toEqual(['live', 'live', 'live']);
    expect(await h.condition('ShardsCovered')).toBe('False NoLiveWorkers');
  });

  test('hold up no stop of the group', async () => {
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    await h.runPods();
    await h.converge();
    expect(await h.condition('Ready')).toBe('False Progressing');
    const inMs = await h.reconcile();
    expect(inMs).toBeLessThanOrEqual(24_000);
    await h.clock.advance(24_000);
    await h.converge();
    expect(await h.condition('Ready')).toBe('True Stopped');
  });

  test('leave the others’ shards alone', async () => {
    h.cluster.remove(KINDS.pod, { namespace: 'shop', name: 'orders-worker-1' });
    await pollFor(25);
    expect(workerStates()).toEqual(['live', 'dead', 'live']);
    expect(h.nudged).toEqual(['10.0.0.1:8085', '10.0.0.3:8085']);
    expect((await h.status()).leases).toMatchObject({ owned: 2, unowned: 1 });
  });
});

test('shards that nobody takes are looked at closely for some lease durations, and then as usual', async () => {
  await loseEverything();
  await pollFor(20);
  await h.clock.advance(2_000);
  expect(await h.reconcile()).toBeLessThanOrEqual(1_200);
  await pollFor(120);
  expect(await h.reconcile()).toBeGreaterThanOrEqual(4_000);
});

test('the time for which a group is scaled to zero is no failover, however its workers ended', async () => {
  const scaling = { mode: 'External', minReplicas: 0, replicas: 0 };
  h.setGroup((spec) => (spec['scaling'] = scaling));
  await h.converge();
  await loseEverything();
  await pollFor(60);
  expect(await h.condition('Ready')).toBe('True ScaledToZero');
  await h.clock.advance(3_600_000);
  h.setGroup((spec) => (spec['scaling'] = { ...scaling, replicas: 3 }));
  await h.converge();
  await h.runWorkers({ beat: 100 });
  await pollFor(10);
  const { owned, lastFailover } = (await h.status()).leases!;
  expect(owned).toBe(3);
  expect(lastFailover?.seconds).toBeLessThan(60);
});

describe('a beat does not stand still', () => {
  test('because the rows could not be read', async () => {
    h.rowFault = new KcgError('Unavailable', 'DynamoDB did not answer');
    await pollFor(60);
    expect(await h.condition('ShardsCovered')).toBe('True AllOwned');
    h.rowFault = undefined;
    await h.reconcile();
    expect(workerStates()).toEqual(['live', 'live', 'live']);
  });

  test('because nobody looked', async () => {
    await h.clock.advance(3_600_000);
    await h.reconcile();
    expect(await h.condition('Ready')).toBe('True Available');
    expect(workerStates()).toEqual(['live', 'live', 'live']);
  });

  test('because an operator has just started', async () => {
    await h.losePods();
    h.restart();
    await h.reconcile();
    expect(workerStates()).toEqual(['live', 'live', 'live']);
  });
});

test('a suspect whose row has moved on meanwhile is not fenced, and is known as it is now', async () => {
  const table = new MemoryLeaseTable({ staleness: () => 1 });
  const row = { shard_id: 'worker#w', incarnation: 'a', beat: 1, state: 'live' };
  table.store(row.shard_id, row);
  table.store(row.shard_id, { ...row, beat: 2 });
  const seen = (await table.query('workers', { consistent: false })).map(decodeWorker);
  const result = await fenceWorkers({
    workers: seen,
    isDead: ({ beat }) => beat === 1,
    table,
    nudge: async () => true,
    signal: new AbortController().signal,
  });
  expect(result.fenced).toEqual([]);
  expect(result.workers).toMatchObject([{ worker: 'w', beat: 2, state: 'live' }]);
});

test('a suspect whose row cannot be read keeps nobody from hearing of those that are fenced', async () => {
  const table = new MemoryLeaseTable({
    before: async (operation) => {
      if (operation === 'get') reads += 1;
      if (operation === 'get' && reads === 1) throw new KcgError('Throttled', 'too much');
    },
  });
  let reads = 0;
  const rowOf = (name: string) => ({
    shard_id: `worker#${name}`,
    incarnation: 'a',
    beat: 1,
    state: 'live',
    address: `${name}:8085`,
  });
  for (const name of ['a', 'b', 'c']) table.store(`worker#${name}`, rowOf(name));
  const nudged: string[] = [];
  const result = await fenceWorkers({
    workers: ['a', 'b', 'c'].map((name) => decodeWorker(rowOf(name))),
    isDead: ({ worker }) => worker !== 'c',
    table,
    nudge: async (address) => nudged.push(address) > 0,
    signal: new AbortController().signal,
  });
  expect(result.fenced.map(({ worker }) => worker)).toEqual(['b']);
  expect(result.problem).toMatchObject({ code: 'Throttled' });
  expect(nudged).toContain('c:8085');
});

describe('records that are given up', () => {
  const giveUp = (records: number) => {
    const [row] = shardRows();
    const given = { given_up: records, given_up_at: h.clock.now(), given_up_why: 'RetryAttemptsExhausted' };
    h.table().store(row!.shard_id, { ...row!, ...given });
  };
  const told = () =>
    h.cluster.events.filter(({ reason }) => reason === 'RecordsGivenUp').map(({ note }) => note);

  test('are in the status and told of, at most twice a minute while there are more and more', async () => {
    giveUp(3);
    await pollFor(60);
    expect((await h.status()).delivery?.givenUp).toMatchObject({
      records: 3,
      reason: 'RetryAttemptsExhausted',
    });
    expect(told()).toEqual([
      expect.stringMatching(/^3 records given up \(RetryAttemptsExhausted, last on shardId-/),
    ]);
    for (let records = 4; records < 16; records += 1) {
      giveUp(records);
      await pollFor(5);
    }
    await pollFor(60);
    expect((await h.status()).delivery?.givenUp?.records).toBe(15);
    expect(told().length).toBeLessThanOrEqual(4);
  });
});

describe('what is shown of a group', () => {
  const look = () => [...h.looks.values()][0];

  test('says when its rows were read, and nothing once they cannot be read any more', async () => {
    await pollFor(5);
    const readMs = h.clock.now();
    expect(look()).toMatchObject({ atMs: readMs, isFresh: true });
    h.rowFault = new KcgError('Unavailable', 'no answer');
    await pollFor(60);
    expect(look()).toMatchObject({ atMs: readMs, isFresh: false });
    expect([...(look() as GroupLook).silentMs.values()].every((ms) => ms < 10_000)).toBe(true);
    await pollFor(120);
    expect(look()).toBe('unread');
  });
});
