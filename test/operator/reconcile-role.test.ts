import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness, KEY, NAME } from './reconcile-harness.ts';

/* A role per group for the operator's calls, as far as the namespace allows it. */

const roleArn = 'arn:aws:iam::222222222222:role/kcg-shop';
const ROLES = 'kcg.dev/aws-roles';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => h.close());

function namespace(annotations: Record<string, string>): void {
  const metadata = { name: 'shop', annotations };
  h.cluster.create(KINDS.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
}
function annotate(annotations: Record<string, string>): void {
  h.cluster.update(KINDS.namespace, { namespace: '', name: 'shop' }, ({ metadata }) => {
    metadata.annotations = annotations;
  });
}
const create = (spec: Record<string, unknown> = {}) => h.create({ aws: { roleArn }, ...spec });

describe('a group with a role', () => {
  test.each([
    ['names it', { [ROLES]: roleArn }],
    [
      'names its beginning',
      { [ROLES]: 'arn:aws:iam::111111111111:role/a, arn:aws:iam::222222222222:role/kcg-*' },
    ],
  ])('has it assumed where its namespace %s', async (_, annotations) => {
    namespace(annotations);
    create();
    await h.converge();
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
    expect(await h.replicas()).toBe(2);
    const role = { arn: roleArn, externalId: 'kcg/cluster-1/shop', sessionName: 'kcg-shop' };
    expect([...new Set(h.roles)]).toEqual([JSON.stringify(role)]);
  });

  test('is assumed with the external id that its namespace names', async () => {
    namespace({ [ROLES]: roleArn, 'kcg.dev/aws-external-id': 'shop-7' });
    create();
    await h.converge();
    expect(h.roles.every((role) => role.includes('"externalId":"shop-7"'))).toBe(true);
  });

  test.each([
    [
      'there is nothing said',
      {},
      'namespace shop allows no role, and spec.aws.roleArn is arn:aws:iam::222222222222:role/kcg-shop. To allow it: kubectl annotate namespace shop --overwrite kcg.dev/aws-roles=arn:aws:iam::222222222222:role/kcg-shop',
    ],
    [
      'another one is allowed',
      { [ROLES]: `${roleArn}-2` },
      'namespace shop allows only arn:aws:iam::222222222222:role/kcg-shop-2, and',
    ],
    [
      'another beginning is allowed',
      { [ROLES]: 'arn:aws:iam::222222222222:role/kcg-o*' },
      "namespace shop allows only arn:aws:iam::222222222222:role/kcg-o*, and spec.aws.roleArn is arn:aws:iam::222222222222:role/kcg-shop. To allow it: kubectl annotate namespace shop --overwrite 'kcg.dev/aws-roles=arn:aws:iam::222222222222:role/kcg-o*,arn:aws:iam::222222222222:role/kcg-shop'",
    ],
    [
      'a star stands in the middle',
      { [ROLES]: 'arn:aws:iam::*:role/kcg-shop' },
      'namespace shop allows only arn:aws:iam::*:role/kcg-shop, and',
    ],
    [
      'the external id is none',
      { [ROLES]: roleArn, 'kcg.dev/aws-external-id': 'a b' },
      'AWS takes no external id like that of namespace shop. Set the annotation',
    ],
  ])('is refused in words where %s, and nothing is made', async (_, annotations, message) => {
    namespace(annotations);
    create();
    await h.converge();
    expect(await h.condition('StreamReady')).toBe('False RoleNotAllowed');
    expect(await h.condition('Ready')).toBe('False RoleNotAllowed');
    expect(await h.condition('Stalled')).toBe('True RoleNotAllowed');
    expect(h.isStuck).toBe(true);
    expect(await h.message('StreamReady')).toContain(message);
    expect(h.roles).toEqual([]);
    expect(h.tables.steps).toEqual([]);
    expect(await h.deployment()).toBeUndefined();
  });

  test('is refused with the missing right where the namespace may not be read', async () => {
    h.faults.set('get Namespace', new KcgError('AccessDenied', 'may not get namespaces'));
    create();
    await h.converge();
    expect(await h.message('StreamReady')).toBe('may not get namespaces');
    expect(await h.condition('StreamReady')).toBe('False RoleNotAllowed');
  });

  test('waits, and is told nothing new, while the API server does not answer', async () => {
    h.faults.set('get Namespace', new KcgError('Unavailable', 'away'));
    create();
    await expect(h.reconcile()).rejects.toThrow('away');
    expect(h.roles).toEqual([]);
    h.faults.clear();
    namespace({ [ROLES]: roleArn });
    await h.converge();
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
  });

  test('begins once it is allowed, without a change of the group', async () => {
    namespace({});
    create();
    const inMs = await h.converge();
    expect(inMs).toBeLessThan(30_000);
    annotate({ [ROLES]: roleArn });
    await h.clock.advance(inMs!);
    await h.converge();
    expect(await h.replicas()).toBe(2);
  });

  test('is not refused by what its namespace said to another group before', async () => {
    namespace({ [ROLES]: roleArn });
    create();
    await h.converge();
    const another = `${roleArn}-2`;
    annotate({ [ROLES]: `${roleArn}, ${another}` });
    await h.clock.advance(3_000);
    h.create({ aws: { roleArn: another } }, { name: 'second' });
    await h.reconcile('shop/second');
    expect(await h.condition('Stalled', { ...NAME, name: 'second' })).toBe('False NotStalled');
  });

  test('keeps its pods when it is allowed no longer, and AWS is asked nothing more', async () => {
    namespace({ [ROLES]: roleArn });
    create();
    await h.converge();
    await h.runPods();
    annotate({});
    await h.clock.advance(15_000);
    h.roles.length = 0;
    await h.converge();
    expect(await h.condition('Ready')).toBe('False RoleNotAllowed');
    expect(await h.status()).toMatchObject({ summary: { pods: '2/2' }, replicas: 2, readyReplicas: 2 });
    expect(await h.condition('WorkersAvailable')).toBe('True MinimumAvailable');
    expect(await h.replicas()).toBe(2);
    expect(h.roles).toEqual([]);
  });

  test('is told of no move that was none when it is allowed again under another operator', async () => {
    namespace({ [ROLES]: roleArn });
    create();
    await h.converge();
    const { scaling } = await h.status();
    annotate({});
    await h.clock.advance(15_000);
    await h.converge();
    expect((await h.status()).scaling).toEqual(scaling);
    annotate({ [ROLES]: roleArn });
    h.restart();
    await h.converge();
    expect(await h.status()).toMatchObject({ scaling: { lastScale: scaling?.lastScale } });
    expect(h.cluster.events.filter(({ reason }) => reason === 'Scaled')).toHaveLength(1);
  });

  test('waits in words with what its deletion has to undo when it is allowed no longer', async () => {
    namespace({ [ROLES]: roleArn });
    create({ checkpoints: { deletionPolicy: 'Delete' } });
    await h.converge();
    expect(h.tables.tables.size).toBe(1);
    annotate({});
    await h.clock.advance(15_000);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    for (let pass = 0; pass < 3; pass += 1) await h.reconcile();
    expect(await h.message('Ready')).toMatch(/namespace shop allows no role, .* Or /);
    annotate({ [ROLES]: roleArn });
    await h.clock.advance(15_000);
    for (let pass = 0; pass < 5; pass += 1) await h.reconcile(KEY);
    expect(h.tables.tables.size).toBe(0);
    expect(await h.cluster.get(KINDS.consumerGroup, NAME)).toBeUndefined();
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['a stream consumer', { consumer: { type: 'EnhancedFanOut' } }, { stream: {} }],
    ['a table', { checkpoints: { deletionPolicy: 'Delete' } }, { handler: {} }],
  ])('has it assumed to remove %s also when its spec cannot be read any more', async (_, spec, broken) => {
    namespace({ [ROLES]: roleArn });
    create(spec);
    await h.converge();
    h.setGroup((now) => Object.assign(now, broken));
    h.cluster.remove(KINDS.consumerGroup, NAME);
    h.roles.length = 0;
    for (let pass = 0; pass < 5; pass += 1) await h.reconcile();
    expect(await h.cluster.get(KINDS.consumerGroup, NAME)).toBeUndefined();
    expect(new Set(h.roles.map((role) => role.includes(roleArn)))).toEqual(new Set([true]));
  });
});

test('a group without a role asks for no namespace, and for its own credentials', async () => {
  namespace({ [ROLES]: roleArn });
  h.create();
  await h.converge();
  expect([...new Set(h.roles)]).toEqual(['none']);
});
