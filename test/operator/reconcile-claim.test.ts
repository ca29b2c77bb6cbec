import { afterEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/operator/cluster.ts';
import { groupObject, Harness } from './reconcile-harness.ts';

let h: Harness;
afterEach(() => h.close());

function open(settings: ConstructorParameters<typeof Harness>[0] = {}): void {
  h = new Harness(settings);
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
}
const create = (spec: Record<string, unknown> = {}) =>
  h.cluster.create(KINDS.consumerGroup, groupObject(spec));
const claimRow = () => h.table().get('group#claim', { consistent: true });

describe('a claim of this cluster whose resource is not seen', () => {
  const EXPLICIT = { groupId: 'shop.orders' };
  test.each<[string, boolean, Record<string, unknown>, string | undefined, string]>([
    ['all namespaces are watched', true, {}, undefined, 'True Claimed'],
    ['some are, and its is', false, {}, 'shop', 'True Claimed'],
    ['some are, and its is, by an explicit id', false, EXPLICIT, 'shop', 'True Claimed'],
    ['some are, and its is another', false, {}, 'pay', 'False ClaimedByOtherResource'],
    ['some are, and its is not known', false, {}, undefined, 'False ClaimedByOtherResource'],
    ['the same by an explicit id', false, EXPLICIT, undefined, 'False ClaimedByOtherResource'],
  ])('%s', async (_, seesAllNamespaces, spec, namespace, expected) => {
    open({ seesAllNamespaces });
    h.table().store('group#claim', {
      shard_id: 'group#claim',
      cluster_id: 'cluster-1',
      resource_uid: 'not-seen',
      ...(namespace === undefined ? {} : { resource_namespace: namespace }),
    });
    create(spec);
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe(expected);
  });

  test('is of this group when it comes back under its name', async () => {
    open({ seesAllNamespaces: false });
    create();
    await h.converge();
    expect(await claimRow()).toMatchObject({ resource_namespace: 'shop' });
    h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name: 'orders' });
    await h.reconcile();
    create();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  });
});
