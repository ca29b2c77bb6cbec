import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS, type LeaderElectionRecord } from '../../src/kubernetes/cluster.ts';
import type { GroupReconciler } from '../../src/operator/reconcile.ts';
import { Harness, KEY, NAME } from './reconcile-harness.ts';
import { settle } from '../support/manual-clock.ts';

/** Two installations: each has a Lease of its own, and another image. */
const FIRST = 'kcg-system/kcg-operator';
const SECOND = 'team/kcg-operator';

let h: Harness;
let second: GroupReconciler;
const { signal } = new AbortController();
beforeEach(() => {
  h = new Harness({ instance: FIRST });
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  h.create();
  second = h.another({ instance: SECOND, workerImage: 'kcg:other' });
});
afterEach(() => h.close());

/** The leader of the first installation renews its Lease, or gives it back. */
async function renew(change: Partial<LeaderElectionRecord> = {}): Promise<void> {
  const key = { namespace: 'kcg-system', name: 'kcg-operator' };
  const now = h.clock.now();
  const known = await h.cluster.readLeaderElectionLease(key);
  const record = { holder: 'a', leaseDurationSeconds: 15, acquiredAt: 0, renewedAt: now, transitions: 0 };
  await h.cluster.writeLeaderElectionLease(key, { ...record, ...change }, { version: known?.version });
}

async function lookSecond(): Promise<void> {
  await settle();
  await second.reconcile(KEY, signal);
  await settle();
}
const holder = async () => (await h.group()).metadata.annotations?.['kcg.dev/operator'];
const image = async () =>
  (await h.deployment())?.spec as { template: { spec: { containers: { image: string }[] } } } | undefined;
const imageOf = async () => (await image())?.template.spec.containers[0]?.image;

describe('a group that one operator looks after', () => {
  beforeEach(async () => {
    await renew();
    await h.converge();
  });

  test('is left alone by another that may not read its Lease, which says how to have the group', async () => {
    h.faults.set('readLease undefined', new KcgError('AccessDenied', 'may not get leases'));
    for (let minute = 0; minute < 5; minute += 1) {
      await lookSecond();
      await h.clock.advance(60_000);
    }
    expect(await imageOf()).toBe('kcg:test');
    const told = h.cluster.events.filter(({ reason }) => reason === 'OtherOperator');
    expect(told).toHaveLength(1);
    expect(told[0]!.note).toContain('kubectl annotate kcg -n shop orders kcg.dev/operator-');
    h.cluster.update(KINDS.consumerGroup, NAME, ({ metadata }) => delete metadata.annotations);
    await lookSecond();
    expect(await holder()).toBe(SECOND);
  });

  test('is left alone by another, which says so once', async () => {
    expect(h.judged.get('shop/orders')).toBeDefined();
    const writes = h.writeCount();
    for (let minute = 0; minute < 10; minute += 1) {
      await renew();
      await lookSecond();
      await h.clock.advance(30_000);
    }
    // Its Lease is all that the first has written meanwhile.
    expect(h.writeCount() - writes).toBe(10);
    expect(await imageOf()).toBe('kcg:test');
    // The metrics of the second say nothing of it.
    expect(h.judged.get('shop/orders')).toBeUndefined();
    const told = h.cluster.events.filter(({ reason }) => reason === 'OtherOperator');
    expect(told.map(({ count, note }) => [count, note.includes(FIRST)])).toEqual([[1, true]]);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await lookSecond();
  });

  test('stays its own while it changes its leader', async () => {
    await lookSecond();
    await renew({ holder: '' });
    await h.clock.advance(10_000);
    await lookSecond();
    await renew({ holder: 'b', transitions: 1 });
    await h.clock.advance(55_000);
    await lookSecond();
    expect(await holder()).toBe(FIRST);
  });

  test('is taken over when it has been away for a minute', async () => {
    await lookSecond();
    await h.clock.advance(50_000);
    await lookSecond();
    expect(await holder()).toBe(FIRST);
    await h.clock.advance(15_000);
    await lookSecond();
    expect(await holder()).toBe(SECOND);
    expect(await imageOf()).toBe('kcg:other');
    // The first comes back: now it is the one that keeps off.
    const key = { namespace: 'team', name: 'kcg-operator' };
    const record = { holder: 'c', leaseDurationSeconds: 15, acquiredAt: 0, renewedAt: 0, transitions: 0 };
    await h.cluster.writeLeaderElectionLease(key, record);
    await h.reconcile();
    expect(await holder()).toBe(SECOND);
  });

  test('is taken over when it looks after other namespaces from now on', async () => {
    await renew({ namespaces: ['pay'] });
    await lookSecond();
    expect(await holder()).toBe(SECOND);
  });

  test('is taken over from a Lease that is not there, as in a copy of a cluster', async () => {
    h.cluster.update(
      KINDS.consumerGroup,
      NAME,
      ({ metadata }) => (metadata.annotations = { 'kcg.dev/operator': 'old/kcg-operator' }),
    );
    await lookSecond();
    expect(await holder()).toBe(SECOND);
  });
});

test('of two operators that see a new group at the same time one gets it', async () => {
  await renew();
  await settle();
  await Promise.all([h.reconciler.reconcile(KEY, signal), second.reconcile(KEY, signal)]);
  expect(await holder()).toBe(FIRST);
  await lookSecond();
  await h.converge();
  expect(await imageOf()).toBe('kcg:test');
});
