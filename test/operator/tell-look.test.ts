import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { GroupLook } from '../../src/view/group-look.ts';
import { Harness, NAME } from './reconcile-harness.ts';

let h: Harness;
beforeEach(async () => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  await h.createRunning({ checkpoints: { deletionPolicy: 'Delete' } });
});
afterEach(() => h.close());

describe('what the operator tells of its looks', () => {
  test('is what it has read anyway: rows, stream, and the view with its judgements', () => {
    expect(h.looks.get('shop/orders')).toMatchObject({
      isFresh: true,
      place: { groupId: 'shop.orders', region: 'eu-west-1', stream: { name: 'orders' } },
      stream: { status: 'ACTIVE' },
      rows: { leases: { length: 3 } },
      view: { ownedShards: 3 },
      unknown: [],
    });
    expect([...(h.looks.get('shop/orders') as GroupLook).silentMs.values()]).toEqual([0, 0, 0]);
  });

  test.each<[string, () => void]>([
    ['is told to leave it alone', () => annotate({ 'kcg.dev/reconcile-paused': 'true' })],
    ['cannot work by its spec', () => h.setGroup((spec) => (spec['stream'] = {}))],
    ['is to delete it', () => h.cluster.remove(KINDS.consumerGroup, NAME)],
  ])('ends when it %s', async (_, change) => {
    change();
    await h.reconcile();
    expect([...h.looks]).toEqual([['shop/orders', undefined]]);
  });
});

function annotate(annotations: Record<string, string>): void {
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
    draft.metadata.annotations = annotations;
  });
}
