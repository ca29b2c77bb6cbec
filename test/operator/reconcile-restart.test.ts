import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness, KEY, NAME, WORKER } from './reconcile-harness.ts';

/** What must be known after a restart is in the resource, the table or its rows: an operator remembers nothing. */

const TABLE = 'kinesis-checkpoints-shop-orders';
const CLAIM = { shard_id: 'group#claim', cluster_id: 'cluster-1', resource_uid: 'of-an-older-group' };
let h: Harness;
let describeStream: Harness['kinesis']['describe'];
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  describeStream = h.kinesis.describe.bind(h.kinesis);
});
afterEach(() => h.close());

function failKinesis(): void {
  h.kinesis.describe = () => {
    throw new KcgError('Unavailable', 'Kinesis does not answer');
  };
}

describe('a restart while', () => {
  const cases: [string, () => void, string][] = [
    ['Kinesis does not answer', failKinesis, 'StreamReady'],
    [
      'DynamoDB does not describe the table',
      () => (h.tables.fault = new KcgError('Throttled', 'Rate exceeded')),
      'TableReady',
    ],
  ];

  test.each(cases)('%s forgets nothing of the status', async (_, fail, type) => {
    await h.createRunning();
    const { stream, table, leases, lag, shards, workers, summary } = await h.status();
    expect(table).toMatchObject({ name: TABLE, status: 'ACTIVE' });
    fail();
    h.restart();
    await h.converge();
    expect(await h.condition(type)).toMatch(/^Unknown /);
    expect(await h.status()).toMatchObject({ stream, table, leases, lag, shards, workers });
    expect((await h.status()).summary?.pods).toBe(summary?.pods);
    expect(await h.replicas()).toBe(3);
  });

  test.each(cases)('%s: a table that is gone is told, never made anew', async (_, fail) => {
    await h.createRunning();
    h.tables.tables.delete(TABLE);
    const steps = h.tables.steps.length;
    fail();
    h.restart();
    await h.converge();
    h.kinesis.describe = describeStream;
    h.tables.fault = undefined;
    await h.clock.advance(120_000);
    await h.converge();
    h.restart();
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableGone');
    expect((await h.status()).table).toMatchObject({ name: TABLE, status: 'GONE' });
    expect(h.tables.steps.length).toBe(steps);
  });

  test.each(cases)('%s: a pause is still written, and a Deployment made again', async (_, fail) => {
    await h.createRunning();
    fail();
    h.restart();
    h.cluster.remove(KINDS.deployment, WORKER);
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    await h.converge();
    expect(await h.table().get('group#claim', { consistent: true })).toMatchObject({ paused: 1 });
    expect(await h.replicas()).toBe(3);
  });

  test.each(cases)('%s: a worker whose container ended is fenced', async (_, fail) => {
    await h.createRunning();
    fail();
    h.restart();
    await h.clock.advance(5_000);
    h.cluster.update(
      KINDS.pod,
      { namespace: 'shop', name: 'orders-worker-0' },
      (draft) => {
        const finishedAt = new Date(h.clock.now()).toISOString();
        const state = { terminated: { exitCode: 1, finishedAt } };
        draft.status = { phase: 'Running', containerStatuses: [{ name: 'worker', state }] };
      },
      'kubelet',
    );
    await h.reconcile();
    const row = await h.table().get('worker#orders-worker-0', { consistent: true });
    expect(row).toMatchObject({ state: 'dead' });
  });
});

test('without a stream no table is made, and the next look at one makes it', async () => {
  failKinesis();
  h.create();
  await h.converge();
  expect(h.tables.steps).toEqual([]);
  expect(await h.condition('TableReady')).toBe('Unknown TableUnknown');
  h.kinesis.describe = describeStream;
  await h.clock.advance(120_000);
  await h.converge();
  expect(await h.condition('TableReady')).toBe('True TableActive');
});

test('a status that was lost takes nothing of that with it', async () => {
  await h.createRunning();
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => delete draft.status, 'an older CRD');
  h.tables.tables.delete(TABLE);
  h.restart();
  await h.converge();
  expect(await h.condition('TableReady')).toBe('False TableGone');
});

test('and tells of no move of the workers of a group that is stopped', async () => {
  await h.createRunning();
  h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
  await h.converge();
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => delete draft.status, 'an older CRD');
  h.restart();
  await h.converge();
  expect(h.cluster.events.filter(({ note }) => note.startsWith('from 0 to 0'))).toEqual([]);
  expect((await h.status()).scaling).not.toHaveProperty('lastScale');
});

test('neither do annotations that were replaced, or that an older operator has never written', async () => {
  await h.createRunning();
  h.cluster.update(
    KINDS.consumerGroup,
    NAME,
    (draft) => delete draft.metadata.annotations,
    'kubectl-replace',
  );
  h.tables.tables.delete(TABLE);
  h.restart();
  await h.converge();
  expect(await h.condition('TableReady')).toBe('False TableGone');
});

test('and they come again while the table is there', async () => {
  await h.createRunning();
  const annotations = (await h.group()).metadata.annotations;
  h.cluster.update(
    KINDS.consumerGroup,
    NAME,
    (draft) => delete draft.metadata.annotations,
    'kubectl-replace',
  );
  h.restart();
  await h.converge();
  expect((await h.group()).metadata.annotations).toEqual(annotations);
});

test('a group that could not be told that it has claimed starts no workers', async () => {
  const fault = new KcgError('Unavailable', 'the API server does not answer');
  h.faults.set('patchMetadata', fault);
  h.create();
  await expect(h.reconcile()).rejects.toBe(fault);
  expect(await h.deployment()).toBeUndefined();
  expect(await h.condition('GroupClaimed')).toBe('Unknown ClaimUnreachable');
  h.faults.clear();
  await h.clock.advance(1_000);
  await h.converge();
  expect(await h.replicas()).toBe(3);
});

describe('a table that this very resource has not worked with', () => {
  const made = async () => {
    await h.clock.advance(700_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect((await h.status()).table).toMatchObject({ created: true });
  };

  test('is made when it was still being deleted at first', async () => {
    await h.createRunning({ checkpoints: { deletionPolicy: 'Delete' } });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    const table = h.tables.tables.get(TABLE)!;
    for (const pod of await h.cluster.list(KINDS.pod)) h.cluster.remove(KINDS.pod, pod.metadata as never);
    await h.reconcile();
    h.tables.tables.set(TABLE, { ...table, status: 'DELETING' });
    h.rows.clear();
    h.create();
    await h.converge();
    expect((await h.status()).table).toMatchObject({ status: 'DELETING' });
    h.tables.tables.delete(TABLE);
    await made();
  });

  test.each([
    ['foreign', {}, 'False TableNotAdopted'],
    ['mismatched', { keySchema: 'id HASH' }, 'False TableSchemaMismatch'],
  ])('is made once the %s one of its name is removed', async (_, change, told) => {
    h.foreignTable(TABLE, change);
    h.create();
    await h.converge();
    expect(await h.condition('TableReady')).toBe(told);
    h.tables.tables.delete(TABLE);
    await made();
  });

  test('is made anew when the advice of StreamReplaced is followed', async () => {
    h.foreignTable(TABLE, { tags: { 'kcg.dev/created-by': 'kcg', 'kcg.dev/group-id': 'shop.orders' } });
    h.table().store('group#claim', { ...CLAIM, stream_arn: 'arn:of-another' });
    h.table().store('shardId-000000000000', { shard_id: 'shardId-000000000000', sequence: '7' });
    h.create();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('False StreamReplaced');
    h.tables.tables.delete(TABLE);
    for (const key of ['group#claim', 'shardId-000000000000']) h.table().store(key, undefined);
    await made();
  });

  test('is what a copy of the resource begins with, whatever annotations it brings', async () => {
    await h.createRunning();
    const { annotations } = (await h.group()).metadata;
    expect(annotations).toHaveProperty('kcg.dev/table');
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconciler.reconcile(KEY, new AbortController().signal);
    h.tables.tables.delete(TABLE);
    h.rows.clear();
    h.create({}, { annotations });
    await made();
  });
});
