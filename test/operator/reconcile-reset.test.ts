import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OffsetResetStatus } from '../../src/api/offset-reset.ts';
import { KINDS, type ObjectCache } from '../../src/kubernetes/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness, KEY, NAME } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

const OLDEST = { to: { type: 'TrimHorizon' } };
const POSITION = '49590338271490256608559692538361571095921575989136588898';

/** A group whose workers have read some of each shard; they are gone when `isStopped`. */
async function group({ isStopped = true } = {}): Promise<void> {
  h.create();
  await h.converge();
  await h.runWorkers();
  for (const { shard_id: key, ...row } of h.table().rows()) {
    if (!key.startsWith('shardId')) continue;
    const sequence = h.kinesis.putRecord('orders', {
      partitionKey: 'a',
      data: Buffer.from('a'),
      explicitHashKey: row['hash_start'] as string,
    }).sequence;
    h.table().store(key, { ...row, sequence, shard_id: key });
  }
  if (isStopped) {
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.losePods();
    for (const { shard_id: key, ref: _, ...row } of h.table().rows())
      if (key.startsWith('shardId')) h.table().store(key, { ...row, shard_id: key });
      else if (key.startsWith('worker#')) h.table().store(key, undefined);
  }
  await h.converge();
}

function create(name: string, spec: Record<string, unknown>, annotations = {}): void {
  h.cluster.create(KINDS.offsetReset, {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisOffsetReset',
    metadata: { namespace: 'shop', name, annotations },
    spec: { group: 'orders', ...spec },
  });
}

async function statusOf(name: string): Promise<OffsetResetStatus> {
  const object = await h.cluster.get(KINDS.offsetReset, { namespace: 'shop', name });
  return object?.status ?? {};
}
async function complete(name: string): Promise<string> {
  const found = (await statusOf(name)).conditions?.find(({ type }) => type === 'Complete');
  return `${found?.status} ${found?.reason}`;
}
const sequences = () =>
  h
    .table()
    .rows()
    .filter(({ shard_id }) => shard_id.startsWith('shardId'))
    .map((row) => row['sequence']);
/** Workers do as those that have seen the hold. */
function release(): void {
  for (const { shard_id: key, ref: _, ...row } of h.table().rows())
    if (key.startsWith('shardId'))
      h.table().store(key, { ...row, epoch: Number(row['epoch']) + 1, shard_id: key });
}
const events = (name: string) =>
  h.cluster.events.filter(({ regarding }) => regarding.metadata.name === name).map(({ reason }) => reason);

describe('a reset', () => {
  test('of a stopped group moves every shard, tells old and new, and is done once', async () => {
    await group();
    const before = sequences();
    create('back', OLDEST);
    await h.converge();
    expect(await complete('back')).toBe('True Reset');
    const status = await statusOf('back');
    expect(status).toMatchObject({ groupId: 'shop.orders', target: 'TrimHorizon', moved: 3, unchanged: 0 });
    expect(status.shards?.map(({ from, to }) => [from, to])).toEqual(
      before.map((at) => [at, 'TRIM_HORIZON']),
    );
    expect(status.conditions?.map(({ type, status: is }) => `${type} ${is}`)).toEqual([
      'Complete True',
      'Reconciling False',
      'Stalled False',
    ]);
    expect(events('back')).toEqual(['Reset']);
    expect(sequences()).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON', 'TRIM_HORIZON']);
    // Neither is it done again, nor written about.
    const writes = () => [
      ...h.rowWrites,
      ...h.kubeWrites().filter(({ on }) => on.startsWith('KinesisOffsetReset')),
    ];
    const { length } = writes();
    h.restart();
    await h.reconcile();
    expect(writes()).toHaveLength(length);

    create('undo', { undo: 'back' });
    await h.converge();
    expect(await complete('undo')).toBe('True Reset');
    expect(sequences()).toEqual(before);
  });

  test('of a group that is read fails, with its worker named, and the group goes on', async () => {
    await group({ isStopped: false });
    const before = sequences();
    create('back', OLDEST);
    await h.converge();
    await h.clock.advance(2_000);
    await h.converge();
    expect(await complete('back')).toBe('False WorkersRunning');
    const stalled = (await statusOf('back')).conditions?.find(({ type }) => type === 'Stalled');
    expect(stalled).toMatchObject({
      status: 'True',
      message: expect.stringContaining('orders-worker-0') as string,
    });
    expect(events('back')).toContain('WorkersRunning');
    expect(sequences()).toEqual(before);
    expect(await h.condition('Ready')).toBe('True Available');
  });

  test('told to stop holds the workers still, and lets them go on when it is done', async () => {
    await group({ isStopped: false });
    create('back', { ...OLDEST, whileRunning: 'Stop' });
    await h.reconcile();
    await h.reconcile();
    expect(await complete('back')).toBe('False StoppingWorkers');
    expect(h.nudged.length).toBeGreaterThan(0);
    expect(await h.condition('Ready')).toBe('False Progressing');
    expect(await h.message('Ready')).toContain('KinesisOffsetReset shop/back moves the positions');
    expect(await h.replicas()).toBe(3);
    release();
    const nudges = h.nudged.length;
    await h.reconcile();
    expect(await complete('back')).toBe('True Reset');
    expect(sequences()).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON', 'TRIM_HORIZON']);
    expect(h.nudged.length).toBeGreaterThan(nudges);
    // Positions that go back by request are no sign of trouble.
    await h.runWorkers();
    for (let look = 0; look < 12; look += 1) {
      await h.clock.advance(30_000);
      await h.reconcile();
    }
    expect(await h.condition('ShardsProgressing')).not.toBe('False ShardsRewound');
  });

  test.each(['Stopped', 'Paused'])(
    'of a group that has just been %s waits for its workers, as one that is told to stop them',
    async (desiredState) => {
      await group({ isStopped: false });
      h.setGroup((spec) => (spec['desiredState'] = desiredState));
      create('back', OLDEST);
      for (let look = 0; look < 3; look += 1) {
        await h.clock.advance(2_000);
        await h.reconcile();
      }
      expect(await complete('back')).toBe('False StoppingWorkers');
      release();
      await h.reconcile();
      expect(await complete('back')).toBe('True Reset');
    },
  );

  test('only shows, when it is a dry run, also while workers run', async () => {
    await group({ isStopped: false });
    const before = h.rowWrites.length;
    create('look', { ...OLDEST, dryRun: true });
    await h.converge();
    expect(await complete('look')).toBe('True DryRun');
    expect(await statusOf('look')).toMatchObject({ moved: 3, shards: [{ to: 'TRIM_HORIZON' }, {}, {}] });
    expect((await statusOf('look')).snapshot).toBeUndefined();
    expect(h.rowWrites.length).toBe(before);
  });

  test('comes after those that were there before', async () => {
    await group();
    const shardId = h.kinesis.listShards('orders').shards[0]!.shardId;
    const [at] = sequences();
    create('a-back', OLDEST);
    create('b-there', { to: { type: 'SequenceNumbers', positions: [{ shardId, after: at }] } });
    await h.reconcile();
    expect(await complete('b-there')).toBe('False Waiting');
    await h.converge();
    expect([await complete('a-back'), await complete('b-there')]).toEqual(['True Reset', 'True Reset']);
    expect(sequences()).toEqual([at, 'TRIM_HORIZON', 'TRIM_HORIZON']);
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ['a spec that cannot work', { to: { type: 'Group' } }, 'InvalidSpec', /spec.to: .*Group needs group/],
    ['a reset that is not there', { undo: 'nobody' }, 'SnapshotNotFound', /no KinesisOffsetReset nobody/],
    [
      'a group that is not there',
      { to: { type: 'Group', group: 'audit' } },
      'SourceNotFound',
      /no valid KinesisConsumerGroup audit in namespace shop/,
    ],
    [
      'a shard that is not there',
      { to: { type: 'SequenceNumbers', positions: [{ shardId: 'shardId-9', after: POSITION }] } },
      'PositionsRefused',
      /shardId-9 is not in the stream/,
    ],
  ])('with %s fails, and says so', async (_, spec, reason, message) => {
    await group();
    const before = sequences();
    create('bad', spec);
    await h.converge();
    expect(await complete('bad')).toBe(`False ${reason}`);
    const { conditions = [] } = await statusOf('bad');
    expect(conditions.find(({ type }) => type === 'Stalled')?.message).toMatch(message);
    expect(sequences()).toEqual(before);
  });

  test('that a backup brings back is not done again, whatever became of it', async () => {
    await group();
    const read = sequences();
    create('back', OLDEST);
    create('wrong', { undo: 'nobody' });
    await h.converge();
    const restored = ['back', 'wrong'].map((name) => ({ namespace: 'shop', name }));
    const [shardId] = h.kinesis.listShards('orders').shards.map((shard) => shard.shardId);
    create('on', { to: { type: 'SequenceNumbers', positions: [{ shardId, after: read[0] }] } });
    await h.converge();
    const before = sequences();
    for (const key of restored) {
      const { metadata, spec } = (await h.cluster.get(KINDS.offsetReset, key))!;
      h.cluster.remove(KINDS.offsetReset, key);
      create(key.name, spec as Record<string, unknown>, metadata.annotations);
    }
    await h.converge();
    expect(await Promise.all(['back', 'wrong'].map(complete))).toEqual([
      'True AlreadyOver',
      'True AlreadyOver',
    ]);
    expect(sequences()).toEqual(before);
    // It can be undone all the same.
    create('undo', { undo: 'back' });
    create('undo-wrong', { undo: 'wrong' });
    await h.converge();
    expect(sequences()).toEqual(read);
    expect([await complete('undo'), await complete('undo-wrong')]).toEqual([
      'True Reset',
      'False SnapshotNotFound',
    ]);
  });

  test('that AWS does not allow says so itself, and goes on once it may', async () => {
    await group();
    create('back', OLDEST);
    h.faults.set('hold for reset', new KcgError('AccessDenied', 'not allowed to update the claim'));
    await expect(h.reconcile()).rejects.toThrow('not allowed');
    const { conditions = [] } = await statusOf('back');
    expect(conditions[0]).toMatchObject({ reason: 'Waiting', message: 'not allowed to update the claim' });
    // The group is as well as it was.
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.condition('Ready')).toBe('True Stopped');
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    // One that comes now is not kept waiting by its delay.
    create('second', OLDEST);
    await expect(h.reconcile()).rejects.toThrow('not allowed');
    expect(await complete('second')).toBe('False Waiting');
    h.faults.clear();
    await h.clock.advance(10_000);
    await h.converge();
    expect([await complete('back'), await complete('second')]).toEqual(['True Reset', 'True Reset']);
  });

  test('of no group says so at once, is stalled after a minute, and goes on when the group comes', async () => {
    const early = async (type: string) =>
      (await statusOf('early')).conditions?.find((each) => each.type === type);
    create('early', { ...OLDEST, dryRun: true });
    expect(await h.reconcile()).toBeGreaterThan(0);
    expect(await early('Complete')).toMatchObject({
      status: 'False',
      reason: 'GroupNotFound',
      message:
        'there is no KinesisConsumerGroup orders in namespace shop. Create it, and this reset goes on by itself; if another group was meant, delete this reset and create one that names it',
    });
    expect(await early('Reconciling')).toMatchObject({ status: 'True' });
    expect(await early('Stalled')).toMatchObject({ status: 'False' });
    await h.clock.advance(61_000);
    expect(await h.reconcile()).toBeUndefined();
    expect(await early('Stalled')).toMatchObject({ status: 'True', reason: 'GroupNotFound' });
    expect((await statusOf('early')).completionTime).toBeUndefined();
    expect(
      h.cluster.events.filter(({ reason }) => reason === 'GroupNotFound').map(({ type }) => type),
    ).toEqual(['Normal', 'Warning']);
    const { length } = h.kubeWrites();
    h.restart();
    await h.clock.advance(3_600_000);
    await h.reconcile();
    expect(h.kubeWrites()).toHaveLength(length);

    await group();
    expect(await complete('early')).toBe('True DryRun');
    expect(await early('Stalled')).toMatchObject({ status: 'False' });
  });

  test('that waited for its group waits for its turn once that is there', async () => {
    create('a-first', OLDEST);
    create('b-second', OLDEST);
    await h.clock.advance(61_000);
    await h.reconcile();
    expect(await complete('b-second')).toBe('False GroupNotFound');
    h.create();
    await h.reconcile();
    expect(await complete('b-second')).toBe('False Waiting');
    const stalled = (await statusOf('b-second')).conditions?.find(({ type }) => type === 'Stalled');
    expect(stalled?.status).toBe('False');
  });

  test.each<[string, () => void]>([
    ['whose stream is not there', () => h.setGroup((spec) => (spec['stream'] = { name: 'nowhere' }))],
    ['of no region', () => h.setGroup((spec) => delete spec['region'])],
    ['whose spec cannot work', () => h.setGroup((spec) => (spec['handler'] = {}))],
    [
      'that is left alone',
      () => h.setGroup((_, object) => (object.metadata.annotations = { 'kcg.dev/reconcile-paused': 'true' })),
    ],
  ])('of a group %s is told apart from one of no group', async (_, spoil) => {
    h.create();
    spoil();
    create('early', { ...OLDEST, dryRun: true });
    await h.clock.advance(3_600_000);
    await h.converge();
    expect(await complete('early')).toBe('False GroupNotReady');
    const { conditions = [] } = await statusOf('early');
    expect(conditions.map(({ type, status: is }) => `${type} ${is}`)).toEqual([
      'Complete False',
      'Reconciling True',
      'Stalled False',
    ]);
    expect(conditions[0]?.message).toContain('kcg status orders -n shop says what it waits for');
  });

  test('of a group that is being deleted says that it waits for another of that name', async () => {
    const checkpoints = { deletionPolicy: 'Delete' };
    h.create({ checkpoints });
    await h.converge();
    await h.runPods();
    h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name: 'orders' });
    create('late', OLDEST);
    await h.reconcile();
    const [{ reason, message } = {}] = (await statusOf('late')).conditions ?? [];
    expect(reason).toBe('GroupNotReady');
    expect(message).toBe(
      'KinesisConsumerGroup orders in namespace shop is being deleted, and no more is done to it. If a group of this name comes after it, this reset goes on with that; else delete this reset',
    );
  });

  test('that is deleted before its turn moves nothing, whoever keeps it from going', async () => {
    await group();
    const before = sequences();
    create('back', OLDEST);
    const back = { namespace: 'shop', name: 'back' };
    h.cluster.update(KINDS.offsetReset, back, ({ metadata }) => {
      metadata.finalizers = ['argocd.argoproj.io/hook-finalizer'];
    });
    h.cluster.remove(KINDS.offsetReset, back);
    await h.converge();
    expect((await h.cluster.get(KINDS.offsetReset, back))?.metadata.deletionTimestamp).toBeDefined();
    expect(sequences()).toEqual(before);
  });

  test('that had failed under an earlier release, as there was no group, is not done later', async () => {
    create('early', OLDEST);
    await h.reconcile();
    await h.clock.advance(61_000);
    await h.reconcile();
    const { conditions } = await statusOf('early');
    const status = { conditions, completionTime: '2026-11-01T00:00:00Z' };
    h.cluster.update(KINDS.offsetReset, { namespace: 'shop', name: 'early' }, (draft) => {
      draft.status = status;
    });
    await group();
    expect(await complete('early')).toBe('False GroupNotFound');
  });

  test.each([
    ['all namespaces', 'the same operator', undefined],
    ['all namespaces', 'the next one', undefined],
    [
      'a list of namespaces of which one cannot be read',
      'the next one',
      (namespace: string) => namespace === 'shop',
    ],
  ])('of %s that is deleted half-way is ended by %s as the table says', async (_, by, hasSyncedIn) => {
    const listed = (cache: ObjectCache): ObjectCache =>
      hasSyncedIn === undefined
        ? cache
        : {
            hasSynced: false,
            hasSyncedIn,
            whenSynced: () => cache.whenSynced(),
            get: (key) => cache.get(key),
            list: (namespace) => cache.list(namespace),
            by: (index, key) => cache.by(index, key),
            stopped: cache.stopped,
          };
    h.close();
    h = new Harness({}, (caches) => ({ ...caches, offsetResets: listed(caches.offsetResets) }));
    h.kinesis.createStream({ name: 'orders', shardCount: 3 });
    await group({ isStopped: false });
    create('back', { ...OLDEST, whileRunning: 'Stop' });
    await h.reconcile();
    await h.reconcile();
    expect(await complete('back')).toBe('False StoppingWorkers');
    h.cluster.remove(KINDS.offsetReset, { namespace: 'shop', name: 'back' });
    if (by === 'the next one') h.restart();
    await h.converge();
    const claim = h
      .table()
      .rows()
      .find(({ shard_id }) => shard_id === 'group#claim');
    expect(claim).toMatchObject({ reset_state: 'done' });
    expect(sequences()).not.toContain('TRIM_HORIZON');
  });
});

describe('an operator that ends half-way through a reset', () => {
  const POINTS = ['hold for reset', 'put snapshot part', 'begin reset', 'move shard', 'finish reset'];

  test.each([...POINTS, 'patchMetadata KinesisOffsetReset', 'applyStatus KinesisOffsetReset'])(
    'at "%s" leaves the rest to the next one',
    async (point) => {
      await group();
      const before = sequences();
      create('back', OLDEST);
      h.faults.set(point, new KcgError('Timeout', 'no answer'));
      for (let pass = 0; pass < 3; pass += 1) await h.reconcile().catch(() => {});
      expect(await complete('back')).not.toBe('True Reset');
      expect((await h.group(NAME)).metadata.name).toBe('orders');
      h.faults.clear();
      h.restart();
      await h.clock.advance(60_000);
      await h.converge(KEY);
      expect(await complete('back')).toBe('True Reset');
      expect((await statusOf('back')).shards?.map(({ from }) => from)).toEqual(before);
      expect(sequences()).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON', 'TRIM_HORIZON']);
    },
  );

  test('with the positions moved has that told before another of the same second moves them', async () => {
    await group();
    const [read] = sequences();
    const [{ shardId } = { shardId: '' }] = h.kinesis.listShards('orders').shards;
    create('b-back', OLDEST);
    h.faults.set('applyStatus KinesisOffsetReset', new KcgError('Timeout', 'no answer'));
    await h.reconcile().catch(() => {});
    create('a-on', { to: { type: 'SequenceNumbers', positions: [{ shardId, after: read }] } });
    h.faults.clear();
    h.restart();
    await h.clock.advance(60_000);
    await h.converge();
    expect([await complete('b-back'), await complete('a-on')]).toEqual(['True Reset', 'True Reset']);
    expect(sequences()).toEqual([read, 'TRIM_HORIZON', 'TRIM_HORIZON']);
  });

  test('leaves an undo that has begun to the next one, also when what it undoes is deleted', async () => {
    await group();
    const before = sequences();
    create('back', OLDEST);
    await h.converge();
    create('undo', { undo: 'back' });
    h.faults.set('finish reset', new KcgError('Timeout', 'no answer'));
    await h.reconcile().catch(() => {});
    h.cluster.remove(KINDS.offsetReset, { namespace: 'shop', name: 'back' });
    h.faults.clear();
    h.restart();
    await h.clock.advance(60_000);
    await h.converge();
    expect(await complete('undo')).toBe('True Reset');
    expect(sequences()).toEqual(before);
  });
});
