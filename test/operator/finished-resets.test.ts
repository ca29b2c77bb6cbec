import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OffsetResetStatus } from '../../src/api/offset-reset.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness, NAME } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => h.close());

const BACK = { namespace: 'shop', name: 'back' };
const HOUR_MS = 3_600_000;
const KEPT = { to: { type: 'TrimHorizon' }, ttlSecondsAfterFinished: 3_600 };

function create(name: string, spec: Record<string, unknown>): void {
  h.cluster.create(KINDS.offsetReset, {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisOffsetReset',
    metadata: { namespace: 'shop', name },
    spec: { group: 'orders', ...spec },
  });
}
async function stoppedGroup(): Promise<void> {
  h.create({ desiredState: 'Stopped' });
  await h.converge();
}
const find = (name = 'back') => h.cluster.get(KINDS.offsetReset, { namespace: 'shop', name });
const reasonOf = async (name: string) =>
  ((await find(name))?.status as OffsetResetStatus | undefined)?.conditions?.[0]?.reason;
const deletions = () => h.kubeWrites().filter(({ verb }) => verb === 'delete');

describe('a reset that is over', () => {
  test('stays for its time, and goes with the look that it asked for', async () => {
    await stoppedGroup();
    create('back', KEPT);
    await h.converge();
    await h.clock.advance(HOUR_MS - 30_000);
    const inMs = await h.reconcile();
    expect(await reasonOf('back')).toBe('Reset');
    expect(inMs).toBeLessThanOrEqual(30_000);
    await h.clock.advance(inMs!);
    await h.reconcile();
    expect(await find()).toBeUndefined();
    // Nothing is done twice.
    await h.reconcile();
    expect(deletions()).toHaveLength(1);
    expect(await h.condition('Ready')).toBe('True Stopped');
  });

  test('goes when it has failed, too, also by an operator that has not seen it end', async () => {
    await stoppedGroup();
    create('wrong', { undo: 'nobody', ttlSecondsAfterFinished: 3_600 });
    create('refused', { to: { type: 'Group' }, ttlSecondsAfterFinished: 3_600 });
    await h.converge();
    expect([await reasonOf('wrong'), await reasonOf('refused')]).toEqual(['SnapshotNotFound', 'InvalidSpec']);
    await h.clock.advance(HOUR_MS);
    h.restart();
    await h.reconcile();
    expect([await find('wrong'), await find('refused')]).toEqual([undefined, undefined]);
  });

  test('leaves its snapshot, from which the group goes back', async () => {
    await stoppedGroup();
    create('back', KEPT);
    await h.converge();
    const { id } = ((await find())!.status as OffsetResetStatus).snapshot!;
    await h.clock.advance(HOUR_MS);
    await h.converge();
    expect(await find()).toBeUndefined();
    create('late', { undo: 'back' });
    create('named', { to: { type: 'Snapshot', snapshot: id } });
    await h.converge();
    expect(await reasonOf('late')).toBe('SnapshotNotFound');
    const [{ message } = {}] = ((await find('late'))!.status as OffsetResetStatus).conditions ?? [];
    expect(message).toContain('its snapshot is there for 90 days all the same');
    expect(await reasonOf('named')).toBe('Reset');
  });

  test('waits for the one that is to undo it', async () => {
    await stoppedGroup();
    create('back', KEPT);
    await h.converge();
    create('undo', { undo: 'back' });
    h.faults.set('hold for reset', new KcgError('AccessDenied', 'not allowed to update the claim'));
    await h.clock.advance(HOUR_MS);
    await h.reconcile().catch(() => {});
    expect(await reasonOf('back')).toBe('Reset');
    h.faults.clear();
    await h.clock.advance(300_000);
    await h.converge();
    expect(await reasonOf('undo')).toBe('Reset');
    expect(await find()).toBeUndefined();
  });

  test('goes alone: one made anew under its name stays', async () => {
    await stoppedGroup();
    create('back', KEPT);
    await h.converge();
    await h.clock.advance(HOUR_MS);
    let uid = '';
    const swap = h.cluster.delete.bind(h.cluster);
    h.cluster.delete = async (...asked) => {
      h.cluster.remove(KINDS.offsetReset, BACK);
      create('back', KEPT);
      uid = (await find())!.metadata.uid;
      return swap(...asked);
    };
    await h.reconcile();
    h.cluster.delete = swap;
    expect(uid).not.toBe('');
    expect((await find())?.metadata.uid).toBe(uid);
  });

  test.each<[string, () => void]>([
    ['is not there any more', () => h.cluster.remove(KINDS.consumerGroup, NAME)],
    [
      'is left alone',
      () => h.setGroup((_, object) => (object.metadata.annotations = { 'kcg.dev/reconcile-paused': 'true' })),
    ],
    ['cannot work any more', () => h.setGroup((spec) => (spec['handler'] = {}))],
  ])('goes when its group %s', async (_, spoil) => {
    await stoppedGroup();
    create('back', KEPT);
    await h.converge();
    spoil();
    await h.clock.advance(HOUR_MS - 30_000);
    const inMs = await h.converge();
    expect(await reasonOf('back')).toBe('Reset');
    expect(inMs).toBeLessThanOrEqual(30_000);
    await h.clock.advance(inMs!);
    await h.reconcile();
    expect(await find()).toBeUndefined();
  });

  test('that may not be deleted is tried again, ever more seldom, and the group goes on', async () => {
    await stoppedGroup();
    create('back', { ...KEPT, ttlSecondsAfterFinished: 0 });
    h.faults.set('delete KinesisOffsetReset', new KcgError('AccessDenied', 'not allowed to delete'));
    await expect(h.reconcile()).rejects.toThrow('not allowed to delete');
    await h.reconcile();
    const asked = () => h.calls.filter((call) => call === 'delete KinesisOffsetReset').length;
    expect(asked()).toBe(1);
    expect(await reasonOf('back')).toBe('Reset');
    expect(await h.condition('Ready')).toBe('True Stopped');
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    await h.reconcile().catch(() => {});
    expect(await h.replicas()).toBe(2);
    h.faults.clear();
    await h.clock.advance(300_000);
    await h.converge();
    expect(await find()).toBeUndefined();
  });
});
