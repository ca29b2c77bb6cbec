import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness, NAME } from './reconcile-harness.ts';

/* Two clusters, each with its operator and the same group, over one table of one account. */

let a: Harness;
let b: Harness;
beforeEach(() => {
  a = new Harness();
  b = new Harness({}, undefined, { clusterId: 'cluster-2', beside: a });
  a.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => {
  a.close();
  b.close();
});

const idOf = (h: Harness) => (h === a ? 'cluster-1' : 'cluster-2');
const claim = async (): Promise<Record<string, unknown>> =>
  (await a.table().get('group#claim', { consistent: true })) ?? {};
const apply = async (h: Harness, spec: Record<string, unknown> = {}) => {
  h.create(spec);
  await h.converge();
};
/** Without a finalizer it is gone at once; with one it goes when the operator has done what is to be undone. */
const remove = async (h: Harness) => {
  await h.cluster.delete(KINDS.consumerGroup, NAME);
  await h.clock.advance(10_000);
  for (let pass = 0; pass < 5; pass += 1) await h.reconcile();
};
const annotate = (h: Harness, value: string) =>
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, 'kcg.dev/take-over': value };
  });
const adviceOf = async (h: Harness) =>
  /kcg\.dev\/take-over=([^\s.]+)/.exec((await h.message('GroupClaimed')) ?? '')?.[1] ?? 'nothing';

async function expectOwner(owner: Harness, other: Harness): Promise<void> {
  expect((await claim())['cluster_id']).toBe(idOf(owner));
  expect(await owner.condition('GroupClaimed')).toBe('True Claimed');
  expect(await other.condition('GroupClaimed')).toBe('False ClaimedByOtherCluster');
  expect(other.isStuck).toBe(true);
  expect((await other.replicas()) ?? 0).toBe(0);
}

/** Operators that remember nothing look again, and change nothing. */
async function expectLasting(owner: Harness, other: Harness): Promise<void> {
  const before = await claim();
  for (const h of [other, owner, other]) {
    h.restart();
    await h.clock.advance(10_000);
    await h.converge();
  }
  expect(await claim()).toEqual(before);
  await expectOwner(owner, other);
}

describe.each([
  ['the first cluster, then the second', () => [a, b] as const],
  ['the second cluster, then the first', () => [b, a] as const],
])('%s', (_, inOrder) => {
  test('the first to claim has it, through restarts of either', async () => {
    const [first, second] = inOrder();
    await apply(first);
    await apply(second);
    await expectOwner(first, second);
    expect(await second.message('GroupClaimed')).toContain(`cluster ${idOf(first)} runs this group`);
    await expectLasting(first, second);
  });

  test('the second stays out when the first is deleted, until it is told', async () => {
    const [first, second] = inOrder();
    await apply(first);
    await apply(second);
    await remove(first);
    await second.clock.advance(3_600_000);
    second.restart();
    await second.converge();
    expect(await second.condition('GroupClaimed')).toBe('False ClaimedByOtherCluster');
    annotate(second, await adviceOf(second));
    await second.converge();
    expect((await claim())['cluster_id']).toBe(idOf(second));
    await apply(first);
    await expectOwner(second, first);
    await expectLasting(second, first);
  });

  test('the second has it without being told when the first took table and rows along', async () => {
    const [first, second] = inOrder();
    await apply(first, { checkpoints: { deletionPolicy: 'Delete' } });
    await apply(second);
    await remove(first);
    expect(first.tables.tables.size).toBe(0);
    for (const { shard_id } of first.table().rows()) first.table().store(shard_id, undefined);
    await second.clock.advance(600_000);
    await second.converge();
    await second.clock.advance(10_000);
    await second.converge();
    expect(await second.condition('GroupClaimed')).toBe('True Claimed');
    expect((await claim())['cluster_id']).toBe(idOf(second));
  });

  test.each(['Retain', 'Expire', 'Delete'])(
    'deleting the second with %s takes nothing of the first',
    async (policy) => {
      const [first, second] = inOrder();
      await apply(first);
      await first.runWorkers();
      const rows = first.table().rows();
      const deletionPolicy = policy;
      await apply(second, {
        checkpoints: { deletionPolicy, ...(policy === 'Expire' ? { expireAfterDays: 1 } : {}) },
      });
      await remove(second);
      expect(await second.cluster.get(KINDS.consumerGroup, NAME)).toBeUndefined();
      expect(first.table().rows()).toEqual(rows);
      expect(first.tables.tables.has('kinesis-checkpoints-shop-orders')).toBe(true);
      await first.converge();
      expect(await first.condition('GroupClaimed')).toBe('True Claimed');
    },
  );

  test('who has the claim alone changes settings of the table, and follows at once who takes it over', async () => {
    const [first, second] = inOrder();
    const asking = (team: string) => ({ checkpoints: { table: { tags: { team } } } });
    await apply(first, asking('a'));
    const before = a.tables.steps.length;
    await apply(second, asking('b'));
    for (const h of [second, first, second, first]) {
      h.restart();
      await h.clock.advance(600_000);
      await h.converge();
    }
    expect(a.tables.steps.slice(before)).toEqual([]);
    expect(await second.condition('TableReady')).toBe('True TableSettingsHeld');
    expect(await second.message('TableReady')).toContain(
      'another resource has claimed group id shop.orders; is → asked for: tags[team]: a → b',
    );
    await second.converge();
    annotate(second, await adviceOf(second));
    await second.converge();
    const tags = () => a.tables.tables.get('kinesis-checkpoints-shop-orders')?.tags;
    expect(tags()).toMatchObject({ team: 'b' });
    // It has not looked since, and takes the group for its own.
    await first.clock.advance(600_000);
    await first.converge();
    expect(tags()).toMatchObject({ team: 'b' });
    expect(await first.condition('TableReady')).toBe('True TableSettingsHeld');
    const told = [...first.cluster.events, ...second.cluster.events].map(({ reason }) => reason);
    expect(told).not.toContain('TableDrift');
  });

  test('who has taken the claim over keeps the stream consumer when the one that registered it is deleted', async () => {
    const [first, second] = inOrder();
    const fanOut = { consumer: { type: 'EnhancedFanOut' } };
    await apply(first, fanOut);
    await apply(second, fanOut);
    annotate(second, await adviceOf(second));
    await second.clock.advance(10_000);
    await second.converge();
    const arn = (await second.status()).stream?.consumer?.arn;
    expect(arn).toMatch(/consumer/);
    await remove(first);
    expect(await first.cluster.get(KINDS.consumerGroup, NAME)).toBeUndefined();
    const { consumers } = a.kinesis.stream('orders');
    expect(consumers.list(a.clock.now()).map((consumer) => consumer.arn)).toEqual([arn]);
    expect(first.cluster.events.map(({ reason }) => reason)).toContain('ConsumerKept');
  });

  test('an annotation takes over the claim that it names, once', async () => {
    const [first, second] = inOrder();
    await apply(first);
    await apply(second);
    annotate(second, await adviceOf(second));
    await second.clock.advance(10_000);
    await second.converge();
    await first.converge();
    await expectOwner(second, first);
    // Back, while the other's annotation stays where it is.
    annotate(first, await adviceOf(first));
    await first.clock.advance(10_000);
    await first.converge();
    await second.converge();
    await expectOwner(first, second);
    await expectLasting(first, second);
    expect(await second.message('GroupClaimed')).toContain('The present value names another claim');
  });

  test('an annotation for a claim that came to nothing takes over no later one', async () => {
    const [first, second] = inOrder();
    await apply(first);
    await apply(second);
    const early = await adviceOf(second);
    a.table().store('group#claim', undefined);
    await first.clock.advance(60_000);
    await first.converge();
    annotate(second, early);
    await second.converge();
    await expectOwner(first, second);
    for (const vague of [idOf(first), `${idOf(first)}@`, `${idOf(first)}@1`, `@${early}`]) {
      annotate(second, vague);
      await second.converge();
      await expectOwner(first, second);
    }
  });
});

test('of two that claim at the same moment one has it', async () => {
  for (const h of [a, b]) h.create();
  for (let pass = 0; pass < 10; pass += 1) await Promise.all([a.reconcile(), b.reconcile()]);
  const [owner, other] = (await claim())['cluster_id'] === 'cluster-1' ? [a, b] : [b, a];
  await expectOwner(owner, other);
  await expectLasting(owner, other);
});
