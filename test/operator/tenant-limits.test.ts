import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness } from './reconcile-harness.ts';

/* What a namespace lets its groups have together. */

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 4 });
});
afterEach(() => h.close());

function namespace(annotations: Record<string, string>): void {
  const metadata = { name: 'shop', annotations };
  h.cluster.create(KINDS.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
}
async function annotate(annotations: Record<string, string>): Promise<void> {
  h.cluster.update(KINDS.namespace, { namespace: '', name: 'shop' }, ({ metadata }) => {
    metadata.annotations = annotations;
  });
  await h.clock.advance(40_000);
}
const create = (name: string, spec: Record<string, unknown> = {}) => h.create(spec, { name });
const at = (name: string) => ({ namespace: 'shop', name });
const converge = (name: string) => h.converge(`shop/${name}`);
const told = async (name: string, type: string) => {
  const { conditions = [] } = await h.status(at(name));
  const found = conditions.find((condition) => condition.type === type);
  return { is: `${found?.status} ${found?.reason}`, message: found?.message };
};
const replicas = async (name: string) => {
  const found = await h.cluster.get(KINDS.deployment, at(`${name}-worker`));
  return (found?.spec as { replicas?: number } | undefined)?.replicas;
};

describe('tables', () => {
  test('are made as far as the namespace may have them; what is beyond is refused in words, and nothing is made', async () => {
    namespace({ 'kcg.dev/max-tables': '2' });
    for (const name of ['a', 'b', 'c']) create(name);
    for (const name of ['a', 'b', 'c']) await converge(name);
    expect(await told('a', 'TableReady')).toMatchObject({ is: 'True TableActive' });
    expect(await told('b', 'TableReady')).toMatchObject({ is: 'True TableActive' });
    expect(await told('c', 'TableReady')).toEqual({
      is: 'False TableLimitReached',
      message:
        'table kinesis-checkpoints-shop-c is not made: namespace shop may have 2 tables (annotation kcg.dev/max-tables); those that kcg has made are of a, b',
    });
    for (const type of ['Ready', 'Stalled']) {
      expect((await told('c', type)).is).toBe(`${type === 'Ready' ? 'False' : 'True'} TableLimitReached`);
    }
    expect([...h.tables.tables.keys()].toSorted()).toEqual([
      'kinesis-checkpoints-shop-a',
      'kinesis-checkpoints-shop-b',
    ]);
    expect(await replicas('c')).toBeUndefined();
  });

  test('are counted before any cache shows them', async () => {
    namespace({ 'kcg.dev/max-tables': '1' });
    for (const name of ['a', 'b', 'c']) create(name);
    // All at once, as the operator does.
    await Promise.all(['a', 'b', 'c'].map((name) => h.reconcile(`shop/${name}`)));
    expect(h.tables.tables.size).toBe(1);
  });

  test('that could not be made are not counted', async () => {
    namespace({ 'kcg.dev/max-tables': '1' });
    create('a');
    const { tables } = h;
    const admin = tables.admin.bind(tables);
    const apply = () => Promise.reject(new KcgError('AccessDenied', 'no'));
    tables.admin = (name) => ({ ...admin(name), apply });
    await converge('a');
    expect((await told('a', 'TableReady')).is).toBe('False TableAccessDenied');
    tables.admin = admin;
    create('b');
    await converge('b');
    expect((await told('b', 'TableReady')).is).toBe('True TableActive');
  });

  test('that groups share count once, also when two begin to make one at once', async () => {
    namespace({ 'kcg.dev/max-tables': '2' });
    const shared = { checkpoints: { table: { name: 'shared' } } };
    create('a', shared);
    await converge('a');
    const { tables } = h;
    const admin = tables.admin.bind(tables);
    // As the other saw it a moment ago.
    let isThere = false;
    const describe = async (name: string) => (isThere ? admin(name).describe() : void (isThere = true));
    tables.admin = (name) => ({ ...admin(name), describe: () => describe(name) });
    create('b', shared);
    await converge('b');
    expect(h.tables.steps.map(({ step }) => step.do).filter((step) => step === 'create')).toHaveLength(2);
    expect(h.cluster.events.filter(({ reason }) => reason === 'TableCreating')).toHaveLength(1);
    create('c');
    await converge('c');
    expect((await told('c', 'TableReady')).is).toBe('True TableActive');
  });

  test('that are there may be used by any number of groups', async () => {
    namespace({ 'kcg.dev/max-tables': '1' });
    const shared = { checkpoints: { table: { name: 'shared' } } };
    for (const name of ['a', 'b']) create(name, shared);
    for (const name of ['a', 'b']) await converge(name);
    expect((await told('b', 'TableReady')).is).toBe('True TableActive');
  });

  test('are made once the limit is raised or a group is gone', async () => {
    namespace({ 'kcg.dev/max-tables': '1' });
    for (const name of ['a', 'b', 'c']) create(name);
    for (const name of ['a', 'b', 'c']) await converge(name);
    await annotate({ 'kcg.dev/max-tables': '2' });
    await converge('b');
    expect((await told('b', 'TableReady')).is).toBe('True TableActive');
    h.cluster.remove(KINDS.consumerGroup, at('a'));
    await h.reconcile('shop/a');
    await h.clock.advance(40_000);
    await converge('c');
    expect((await told('c', 'TableReady')).is).toBe('True TableActive');
  });

  test('that were made stay when the limit is lowered, also after a restart of the operator', async () => {
    namespace({});
    for (const name of ['a', 'b']) create(name);
    for (const name of ['a', 'b']) await converge(name);
    await annotate({ 'kcg.dev/max-tables': '1' });
    h.restart();
    for (const name of ['a', 'b']) await converge(name);
    expect((await told('b', 'TableReady')).is).toBe('True TableActive');
    create('c');
    await converge('c');
    expect((await told('c', 'TableReady')).is).toBe('False TableLimitReached');
  });

  test('are made under a limit that is as good as none', async () => {
    namespace({ 'kcg.dev/max-tables': '2147483647' });
    create('a');
    await converge('a');
    expect((await told('a', 'TableReady')).is).toBe('True TableActive');
  });

  test('are not made under a limit that is no number', async () => {
    namespace({ 'kcg.dev/max-tables': 'two' });
    create('a');
    await converge('a');
    expect((await told('a', 'TableReady')).message).toBe(
      'table kinesis-checkpoints-shop-a is not made: namespace shop may have no table, as its annotation kcg.dev/max-tables is no number: "two"',
    );
  });
});

describe('workers', () => {
  test('are shared out as far as the namespace may have them, and the group says so', async () => {
    namespace({ 'kcg.dev/max-replicas': '6' });
    for (const name of ['a', 'b', 'c']) create(name);
    for (const name of ['a', 'b', 'c']) await converge(name);
    expect(await replicas('a')).toBe(4);
    expect(await replicas('b')).toBe(2);
    expect(await told('b', 'ScalingLimited')).toEqual({
      is: 'True NamespaceLimit',
      message:
        'the namespace may have no more workers: 4 shards can be consumed in parallel, 1 per worker; namespace shop may have 6 workers (annotation kcg.dev/max-replicas), and its other groups have 4',
    });
    expect((await h.status(at('b'))).scaling).toMatchObject({ desired: 2, limitedBy: 'NamespaceLimit' });
    expect(await replicas('c')).toBeUndefined();
    expect((await told('c', 'WorkersAvailable')).is).toBe('False QuotaExceeded');
    expect((await told('c', 'Ready')).is).toBe('False QuotaExceeded');
  });

  test('of groups that grow at once are counted one after the other', async () => {
    namespace({ 'kcg.dev/max-replicas': '5' });
    const names = ['a', 'b', 'c'];
    for (const name of names) create(name);
    for (let pass = 0; pass < 4; pass += 1) {
      await Promise.all(names.map((name) => h.reconcile(`shop/${name}`)));
      await h.clock.advance(21_000);
    }
    const all = await Promise.all(names.map(replicas));
    expect(all.reduce<number>((sum, each) => sum + (each ?? 0), 0)).toBe(5);
  });

  test('that another group gives up are there for who waits', async () => {
    namespace({ 'kcg.dev/max-replicas': '4' });
    for (const name of ['a', 'b']) create(name);
    for (const name of ['a', 'b']) await converge(name);
    expect(await replicas('b')).toBeUndefined();
    h.cluster.update(KINDS.consumerGroup, at('a'), (draft) => {
      Object.assign(draft.spec as object, { scaling: { mode: 'Fixed', replicas: 2 } });
      draft.metadata.generation = 2;
    });
    for (const name of ['a', 'b']) await converge(name);
    expect(await replicas('a')).toBe(2);
    expect(await replicas('b')).toBe(2);
  });

  test.each([
    ['InvalidInput', 4],
    ['Timeout', undefined],
  ] as const)('that cannot be started (%s) are there for other groups: %s', async (code, left) => {
    namespace({ 'kcg.dev/max-replicas': '4' });
    create('a');
    h.faults.set('apply Deployment', new KcgError(code, 'not done'));
    await Promise.allSettled([converge('a')]);
    expect(await replicas('a')).toBeUndefined();
    h.faults.clear();
    create('b');
    await converge('b');
    expect(await replicas('b')).toBe(left);
  });

  test('of a group whose deletion waits for AWS are there for others', async () => {
    namespace({ 'kcg.dev/max-replicas': '4' });
    create('a', { checkpoints: { deletionPolicy: 'Delete' } });
    await converge('a');
    const { tables } = h;
    const admin = tables.admin.bind(tables);
    const describeTable = () => Promise.reject(new KcgError('AccessDenied', 'no'));
    tables.admin = (name) => ({
      ...admin(name),
      ...(name.endsWith('-a') ? { describe: describeTable } : {}),
    });
    h.cluster.remove(KINDS.consumerGroup, at('a'));
    await h.reconcile('shop/a');
    await h.reconcile('shop/a');
    expect((await told('a', 'Ready')).message).toContain('no');
    create('b');
    await converge('b');
    expect(await replicas('b')).toBe(4);
  });

  test('that run stay when the limit is lowered, also after a restart of the operator', async () => {
    namespace({});
    create('a');
    await converge('a');
    await annotate({ 'kcg.dev/max-replicas': '1' });
    h.restart();
    await converge('a');
    expect(await replicas('a')).toBe(4);
    create('b');
    await converge('b');
    expect(await replicas('b')).toBeUndefined();
  });

  test('have no limit that the operator may not read', async () => {
    h.faults.set('get Namespace', new KcgError('AccessDenied', 'may not get namespaces'));
    create('a');
    await converge('a');
    expect(await replicas('a')).toBe(4);
  });
});

test('a group that has what it wants asks for no namespace', async () => {
  namespace({ 'kcg.dev/max-replicas': '6', 'kcg.dev/max-tables': '6' });
  create('a');
  await converge('a');
  h.calls.length = 0;
  for (let pass = 0; pass < 3; pass += 1) {
    await h.clock.advance(700_000);
    await h.reconcile('shop/a');
  }
  expect(h.calls.filter((call) => call.endsWith(' Namespace'))).toEqual([]);
});
