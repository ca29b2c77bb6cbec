import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RESUME_ANNOTATION } from '../../src/api/labels.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

const denied = new KcgError('AccessDenied', 'may not call dynamodb:UpdateItem on table t', {
  fix: 'Allow it.',
});
const forbidden = new KcgError('AccessDenied', 'cannot patch deployments shop/orders-worker: no', {
  fix: 'Allow "patch" on deployments in the role.',
});
const refused = new KcgError('InvalidInput', 'admission webhook "policy" denied the request: no limits');
const overQuota = new KcgError('LimitExceeded', 'cannot patch deployments: exceeded quota: team');
const away = new KcgError('Unavailable', 'nobody answers');

describe('a step that fails is told of in the status', () => {
  test.each<[string, string, KcgError, string, string]>([
    ['a claim that may not be written', 'claim group', denied, 'GroupClaimed', 'False ClaimAccessDenied'],
    ['a table that does not answer', 'claim group', away, 'GroupClaimed', 'Unknown ClaimUnreachable'],
    ['a cluster id that may not be read', 'clusterId', forbidden, 'GroupClaimed', 'False ClaimAccessDenied'],
    ['Deployments that are forbidden', 'apply', forbidden, 'WorkersAvailable', 'False WorkersAccessDenied'],
    ['a Deployment above the quota', 'apply', overQuota, 'WorkersAvailable', 'False QuotaExceeded'],
    ['an API server that fails', 'apply', away, 'WorkersAvailable', 'False ApplyFailed'],
  ])('%s, and it is tried again', async (_, operation, fault, type, expected) => {
    h.faults.set(operation, fault);
    h.create();
    await expect(h.reconcile()).rejects.toBe(fault);
    expect(await h.condition(type)).toBe(expected);
    expect(await h.message(type)).toContain(fault.message);
    expect(await h.message(type)).toContain(fault.fix ?? '');
    const isFinal = expected === 'False WorkersAccessDenied';
    expect(await h.condition('Stalled')).toBe(isFinal ? 'True WorkersAccessDenied' : 'False NotStalled');
    expect(await h.condition('Reconciling')).toBe(isFinal ? 'False Blocked' : 'True Retrying');
    expect(h.cluster.events.map(({ reason }) => reason)).toContain('TableCreating');
    h.faults.clear();
    await h.clock.advance(1_000);
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.condition('WorkersAvailable')).toBe('False WorkersStarting');
  });

  test('one that lacks a right for longer than a new policy takes to spread waits for somebody', async () => {
    h.faults.set('claim group', denied);
    h.create();
    await expect(h.reconcile()).rejects.toBe(denied);
    await h.clock.advance(400_000);
    await expect(h.reconcile()).rejects.toBe(denied);
    expect(await h.condition('Stalled')).toBe('True ClaimAccessDenied');
    h.faults.clear();
    await h.clock.advance(400_000);
    await h.converge();
    expect(await h.condition('Stalled')).toBe('False NotStalled');
  });

  test('a Deployment that an admission plugin refused waits for a change of it', async () => {
    h.faults.set('apply', refused);
    h.create();
    await h.converge();
    expect(await h.condition('WorkersAvailable')).toBe('False TemplateRejected');
    expect(await h.message('Stalled')).toBe(refused.message);
  });

  test('a pause that cannot be written', async () => {
    await h.createRunning();
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    h.faults.set('pause group', denied);
    await expect(h.reconcile()).rejects.toBe(denied);
    expect(await h.message('Ready')).toContain('cannot be told to pause or to go on: may not call');
    h.faults.set('pause group', away);
    await h.clock.advance(1_000);
    await expect(h.reconcile()).rejects.toBe(away);
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.message('Reconciling')).toContain('nobody answers');
  });

  test('and the workers that run go on', async () => {
    await h.createRunning();
    h.restart();
    h.faults.set('clusterId', forbidden);
    await expect(h.reconcile()).rejects.toBe(forbidden);
    expect(await h.replicas()).toBe(3);
    expect((await h.status()).summary?.shards).toBe('3/3');
  });

  test('what a pause has found keeps nobody from going on where it may not be taken off', async () => {
    await h.createRunning();
    h.setGroup((spec, { metadata }) => {
      spec['scaling'] = { maxReplicas: 1 };
      metadata.annotations = { ...metadata.annotations, [RESUME_ANNOTATION]: 'Shadow' };
    });
    h.faults.set('patchMetadata', new KcgError('InvalidInput', 'admission webhook denied the request'));
    await h.reconcile();
    expect(await h.replicas()).toBe(1);
  });

  test('marks on pods that may not be set keep nobody from scaling down', async () => {
    await h.createRunning();
    h.faults.set('patchMetadata', forbidden);
    h.setGroup((spec) => (spec['scaling'] = { shardsPerWorker: 3, scaleDown: { stabilizationSeconds: 0 } }));
    await h.reconcile();
    await h.clock.advance(1_000);
    await expect(h.reconcile()).rejects.toBe(forbidden);
    expect(await h.replicas()).toBe(1);
    expect(await h.condition('Reconciling')).toBe('True Retrying');
  });
});
