import { afterEach, beforeEach, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness } from './reconcile-harness.ts';

const none = new KcgError('Credentials', 'the call was not tried, as there are no credentials', {
  fix: 'Give the pod an IAM role.',
});

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  h.create();
});
afterEach(() => h.close());

test('an operator without credentials says so of the group at its first look, and goes on once it has some', async () => {
  h.kinesis.faults = () => none;
  await h.reconcile();
  expect(await h.condition('Ready')).toBe('Unknown StreamCredentials');
  expect(await h.message('Ready')).toBe(`${none.message}. ${none.fix}`);
  expect(await h.condition('Reconciling')).toBe('True Retrying');
  expect(await h.condition('Stalled')).toBe('False NotStalled');
  expect(h.cluster.events).toMatchObject([{ type: 'Warning', reason: 'StreamCredentials' }]);
  expect(h.isStuck).toBe(true);
  h.kinesis.faults = undefined;
  await h.clock.advance(60_000);
  await h.converge();
  expect(await h.condition('StreamReady')).toBe('True StreamActive');
  expect(await h.replicas()).toBe(3);
  expect(h.isStuck).toBe(false);
});

test('credentials that end later are named for the table, and the workers stay', async () => {
  await h.converge();
  await h.runWorkers();
  h.kinesis.faults = () => none;
  h.rowFault = none;
  h.tables.fault = none;
  await h.clock.advance(600_000);
  await h.converge().catch(() => {});
  expect(await h.condition('TableReady')).toBe('Unknown TableCredentials');
  expect(await h.condition('Stalled')).toBe('False NotStalled');
  expect(await h.replicas()).toBe(3);
});

test('credentials that end before the claim are waited for', async () => {
  h.faults.set('claim group', none);
  await expect(h.reconcile()).rejects.toBe(none);
  expect(await h.condition('GroupClaimed')).toBe('Unknown ClaimUnreachable');
  expect(await h.message('GroupClaimed')).toContain(none.message);
  expect(await h.condition('Stalled')).toBe('False NotStalled');
  // It is not tried again yet, and is no less in the way for that.
  await h.reconcile();
  expect(h.isStuck).toBe(true);
  h.faults.clear();
  await h.clock.advance(60_000);
  await h.converge();
  expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  expect(h.isStuck).toBe(false);
});
