import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/operator/cluster.ts';
import { groupObject, Harness } from './reconcile-harness.ts';

const TABLE = 'kinesis-checkpoints-shop-orders';
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

async function running(spec: Record<string, unknown> = {}): Promise<void> {
  h.cluster.create(KINDS.consumerGroup, groupObject(spec));
  await h.converge();
  await h.runWorkers();
  await h.converge();
}

/** The schema refuses it; another default of the operator, or another endpoint, comes to the same. */
const moveTo = (name: string, table: Record<string, unknown> = {}) =>
  h.setGroup((spec) => (spec['checkpoints'] = { table: { name, ...table } }));

describe('a group whose table is another one now', () => {
  beforeEach(async () => {
    await running();
    h.foreignTable('payroll');
  });

  test('keeps its workers at the old one while the new one is not its own', async () => {
    moveTo('payroll');
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableNotAdopted');
    expect(await h.condition('GroupClaimed')).toBe('Unknown ClaimUnknown');
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(3);
  });

  test('keeps them also when the operator has just started, and the new one cannot be looked at', async () => {
    moveTo('payroll');
    h.tables.fault = new KcgError('AccessDenied', 'may not call dynamodb:DescribeTable on table payroll');
    h.restart();
    await h.converge();
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(3);
  });

  test('asks for the claim of the new one, whatever it had of the old one', async () => {
    const claim = { shard_id: 'group#claim', cluster_id: 'cluster-2', resource_uid: 'x' };
    h.table('shop.orders', 'payroll').store('group#claim', claim);
    moveTo('payroll', { adoption: 'Always' });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('False ClaimedByOtherCluster');
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(0);
  });

  test('shows nothing of the old rows', async () => {
    moveTo('payroll', { adoption: 'Always' });
    h.rowFault = new KcgError('Unavailable', 'DynamoDB did not answer');
    await h.converge();
    expect(await h.condition('ShardsCovered')).toBe('Unknown ShardsUnknown');
  });

  test('can be stopped all the same, and goes on where it was when it comes back', async () => {
    moveTo('payroll');
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    expect(await h.replicas()).toBe(0);
    h.setGroup((spec) => {
      delete spec['checkpoints'];
      delete spec['desiredState'];
    });
    await h.converge();
    expect(await h.replicas()).toBe(3);
    expect((await h.workerConfig())?.table).toBe(TABLE);
  });

  test('rolls its workers over once the claim there is its own', async () => {
    moveTo('payroll', { adoption: 'Always' });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect((await h.workerConfig())?.table).toBe('payroll');
  });
});
