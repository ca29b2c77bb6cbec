import { expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import type { GroupSource } from '../../src/main/groups/group-sources.ts';
import { tableKey } from '../../src/operator/group-target.ts';
import { writeTableRecord } from '../../src/operator/plan/table-record.ts';
import { desiredTable } from '../../src/operator/steps/reconcile-table.ts';
import { asMade } from '../../src/table/new-table.ts';
import { planTable } from '../../src/table/plan-table.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { checkAccount, checkClaim, checkStream, checkTable } from '../../src/main/verbs/preflight-aws.ts';
import { checkReaders, type ClusterFacts } from '../../src/main/verbs/preflight-cluster.ts';
import { planPods } from '../../src/main/verbs/preflight-pods.ts';
import { checkRole } from '../../src/main/verbs/preflight-role.ts';
import { rangeChecks, tablePlan, workersCheck } from '../../src/main/verbs/preflight-plan.ts';
import { inNamespace } from '../../src/main/verbs/preflight.ts';

function source(namespace: string | undefined, spec: object = {}): GroupSource {
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', ...(namespace === undefined ? {} : { namespace }) },
    spec: { stream: { name: 'orders' }, handler: { log: {} }, ...spec },
  });
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  return {
    title: 'as in the file',
    key: undefined,
    object: undefined,
    group: parsed.group,
    refused: [],
    place: {
      groupId: 'as in the file',
      table: 'as in the file',
      region: 'eu-west-1',
      stream: undefined,
      kinesis: undefined,
      dynamodb: undefined,
    },
    withoutKubernetes: undefined,
  };
}
const put = (given: GroupSource, namespace: string | undefined) => {
  const { title, place } = inNamespace(given, { namespace });
  return [title, place.groupId, place.table, place.region];
};

test('a group that names no namespace is looked at in the one it is to be put into', () => {
  expect(put(source(undefined), 'shop')).toEqual([
    'shop/orders',
    'shop.orders',
    'kinesis-checkpoints-shop-orders',
    'eu-west-1',
  ]);
  const named = { groupId: 'checkout', checkpoints: { table: { name: 'ours' } } };
  expect(put(source(undefined, named), 'shop').slice(0, 3)).toEqual(['shop/orders', 'checkout', 'ours']);
  expect(put(source('other'), 'shop')[0]).toBe('as in the file');
  expect(put(source(undefined), undefined)[0]).toBe('as in the file');
});

test('of a shadow, with the rows that are its own', () => {
  expect(put(source(undefined, { desiredState: 'Shadow' }), 'shop').slice(1, 3)).toEqual([
    'shop.orders.shadow',
    'kinesis-checkpoints-shop-orders',
  ]);
});

test('a shard that others are reading just now can be read all the same', async () => {
  let reads = 0;
  const client = {
    describe: async () => ({
      name: 'orders',
      arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
      status: 'ACTIVE' as const,
      createdAt: 0,
      retentionHours: 24,
      openShards: 1,
      mode: 'PROVISIONED' as const,
      keysPlaceRecords: true,
    }),
    listShards: async () => [
      { shardId: 'shardId-000000000000', hashStart: '0', hashEnd: '1', startingSequence: '1' },
    ],
    getIterator: async () => 'iterator',
    getRecords: async () => {
      reads += 1;
      if (reads === 1) throw new KcgError('Throttled', 'slow down');
      return { records: [], millisBehindLatest: 0, childShards: [] };
    },
  };
  const [, checks] = await checkStream(client, new AbortController().signal);
  expect(checks.map(({ result, what }) => `${what} ${result}`)).toEqual(['stream ok', 'read ok']);
});

test.each<[string, object, string | undefined, string[]]>([
  ['no role', {}, undefined, []],
  ['a role, and nothing was found', {}, undefined, ['stream and table are in account 222222222222']],
  [
    'a role, and a stream of another account',
    {},
    '111111111111',
    ['stream and table are in account 222222222222'],
  ],
  ['a role, and a stream of its account', {}, '222222222222', []],
  [
    'a role, and a stream by its ARN',
    { stream: { arn: 'arn:aws:kinesis:eu-west-1:222222222222:stream/orders' } },
    '222222222222',
    ['its table is in account 222222222222'],
  ],
])('says in which account a group is that has %s', (has, spec, account, words) => {
  const aws = has === 'no role' ? {} : { aws: { roleArn: 'arn:aws:iam::222222222222:role/kcg' } };
  const stream =
    account === undefined ? undefined : { arn: `arn:aws:kinesis:eu-west-1:${account}:stream/orders` };
  const checks = checkAccount(source('shop', { ...aws, ...spec }), stream);
  expect(checks.map(({ found }) => found.split(',')[0])).toEqual(words);
});

const ROLE = 'arn:aws:iam::222222222222:role/kcg-shop';
test.each<[string, Record<string, string> | KcgError, string]>([
  [
    'does not allow it',
    {},
    `failed: namespace shop allows no role, and spec.aws.roleArn is ${ROLE}. To allow it: kubectl annotate namespace shop --overwrite kcg.dev/aws-roles=${ROLE}`,
  ],
  [
    'allows it',
    { 'kcg.dev/aws-roles': ROLE },
    `ok: namespace shop allows ${ROLE}, which is assumed with the external id kcg/cluster-1/shop`,
  ],
  [
    'has an external id of its own',
    { 'kcg.dev/aws-roles': ROLE, 'kcg.dev/aws-external-id': 'shop-7' },
    `ok: namespace shop allows ${ROLE}, which is assumed with the external id shop-7`,
  ],
  [
    'has one that is none',
    { 'kcg.dev/aws-roles': ROLE, 'kcg.dev/aws-external-id': 'a b' },
    `failed: namespace shop allows ${ROLE}, and AWS takes no external id like a b`,
  ],
  [
    'may not be read',
    new KcgError('AccessDenied', 'cannot get namespaces shop'),
    'unknown: cannot get namespaces shop',
  ],
])('says of a role whose namespace %s what comes of it', async (_, namespace, words) => {
  const get = async () => {
    if (namespace instanceof KcgError) throw namespace;
    return { metadata: { name: 'shop', annotations: namespace } } as unknown as StoredObject;
  };
  const group = source('shop', { aws: { roleArn: ROLE } }).group!;
  const by = { clusterId: 'cluster-1', signal: new AbortController().signal };
  const checks = await checkRole(group, { cluster: { get }, explain: (thrown) => KcgError.from(thrown) }, by);
  expect(checks.map(({ result, found }) => `${result}: ${found}`)).toEqual([words]);
});

const streamOf = (account: string) => ({
  stream: { arn: `arn:aws:kinesis:eu-west-1:${account}:stream/orders` },
});
test.each<[object, object, boolean]>([
  [{ region: 'eu-west-1' }, { region: 'eu-west-1' }, true],
  [{ region: 'eu-west-1' }, { region: 'us-east-1' }, false],
  [{ region: 'eu-west-1' }, {}, true],
  [{ region: 'eu-west-1' }, streamOf('111111111111'), true],
  [{ region: 'us-east-1' }, streamOf('111111111111'), false],
  [streamOf('111111111111'), streamOf('222222222222'), false],
  [{ aws: { roleArn: ROLE } }, streamOf('222222222222'), true],
  [{ aws: { roleArn: ROLE } }, streamOf('111111111111'), false],
  [{}, { stream: { name: 'payments' } }, false],
])('counts another group as reader of the same stream: %j, %j: %s', (spec, other, counts) => {
  const [check] = checkReaders(source('shop', spec).group!, [source('shop', other).group!]);
  expect(check?.found).toMatch(counts ? /^1 other group / : /^0 other groups /);
});

const NOON = Date.UTC(2026, 0, 5, 12);
test.each<[object, string]>([
  [{}, '4 workers: 4 shards can be consumed in parallel, 1 per worker'],
  [
    { scaling: { shardsPerWorker: 2, maxReplicas: 1 } },
    '1 worker, limited by MaxReplicas: 4 shards can be consumed in parallel, 2 per worker',
  ],
  [{ desiredState: 'Stopped' }, '0 workers: the group is stopped'],
  [{ scaling: { mode: 'Fixed', replicas: 9 } }, '4 workers, limited by Shards: 9 workers are asked for'],
  [{ scaling: { mode: 'Lag', targetLagSeconds: 60, minReplicas: 0 } }, '0 to 4 workers, as lag asks for'],
  [
    { scaling: { mode: 'Lag', targetLagSeconds: 60 }, leases: { maxPerWorker: 2 } },
    '2 to 4 workers, as lag asks for',
  ],
  [
    { scaling: { mode: 'Lag', targetLagSeconds: 60 }, leases: { maxPerWorker: 1 } },
    '4 workers: whatever its lag is',
  ],
  [{ scaling: { mode: 'External', maxReplicas: 3 } }, '1 to 3 workers, as whoever scales it asks for'],
  [{ scaling: { mode: 'External', minReplicas: 3, maxReplicas: 3 } }, '3 workers: 3 workers are asked for'],
  [
    { desiredState: 'Stopped', scaling: { mode: 'Lag', targetLagSeconds: 60 } },
    '0 workers: the group is stopped',
  ],
  [
    {
      scaling: {
        schedules: [
          { name: 'noon', start: '0 11 * * *', end: '0 13 * * *', timeZone: 'UTC', minReplicas: 7 },
        ],
      },
    },
    '7 workers, limited by Schedule: 4 shards can be consumed in parallel, 1 per worker; schedule noon is open',
  ],
])('says how many workers a group of four shards comes to, and why: %j', (spec, words) => {
  const { found } = workersCheck(source('shop', spec).group!, 4, NOON);
  expect(found).toBe(`it comes to ${words}`);
});

test.each([
  [{ leases: { maxPerWorker: 1 }, scaling: { maxReplicas: 3 } }, '3 workers, which may own 3 shards of 4'],
  [{ leases: { maxPerWorker: 3 }, scaling: { mode: 'Fixed' } }, '1 worker, which may own 3 shards of 4'],
])('warns of shards that nobody may own: %j', (spec, words) => {
  const check = workersCheck(source('shop', spec).group!, 4, NOON);
  expect(check).toMatchObject({ result: 'warning', found: expect.stringContaining(words) });
  expect(workersCheck(source('shop', spec).group!, 3, NOON).result).toBe('ok');
});

test.each([
  [
    '2026-01-01T00:00:00Z',
    ['what was written before 2026-01-02T00:00:00.000Z is gone: the stream keeps 24 h'],
  ],
  ['2026-01-02T00:00:00Z', []],
])('warns of a range from %s on, of which the stream keeps a day', (from, found) => {
  const { group } = source('shop', { range: { from, to: '2026-01-02T01:00:00Z' } });
  const stream = { createdAt: 0, retentionHours: 24 };
  const checks = rangeChecks(group!, stream, Date.parse('2026-01-03T00:00:00Z'));
  expect(checks.map((check) => check.found)).toEqual(found);
});

const tableOf = (table: object) => {
  const { group } = source('shop', { checkpoints: { table } });
  const stream = { name: 'orders' };
  return desiredTable({
    group: group!,
    groupId: 'shop.orders',
    target: { groupId: 'shop.orders', table: 'rows', region: '', stream, endpoints: {} },
  });
};
const wouldDo = (desired: ReturnType<typeof tableOf>, observed: ReturnType<typeof asMade> | undefined) =>
  tablePlan(desired, observed, planTable(desired, observed));

test('says what a new table would be made with, and what comes then', () => {
  expect(wouldDo(tableOf({ pointInTimeRecovery: true, tags: { team: 'checkout' } }), undefined)).toBe(
    'rows does not exist; the operator makes it: billing: OnDemand, deletionProtection: on, tags[team]: checkout, tags[kcg.dev/created-by]: kcg, tags[kcg.dev/group-id]: shop.orders, then time to live: off → on for ttl, pointInTimeRecovery: off → on',
  );
});

test('says every setting of a table that would change, also those that wait for each other', () => {
  const [first] = planTable(tableOf({}), undefined).steps;
  if (first?.do !== 'create') throw new Error('there is no table yet');
  const is = { ...asMade('rows', first.table), ttlAttribute: 'ttl' };
  expect(wouldDo(tableOf({}), is)).toBe('rows is ACTIVE, and as the group asks for');
  const other = { deletionProtection: false, tableClass: 'StandardInfrequentAccess', tags: { team: 'b' } };
  expect(wouldDo(tableOf(other), is)).toBe(
    'rows is ACTIVE; the operator would change tags[team]: none → b, deletionProtection: on → off, tableClass: Standard → StandardInfrequentAccess',
  );
});

const stored = (spec: object = {}): StoredObject => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: { name: 'orders', namespace: 'shop', uid: 'u1', resourceVersion: '1' },
  spec: { stream: { name: 'orders' }, handler: { log: {} }, ...spec },
});
const worker = { containers: [{ name: 'worker', image: 'registry/kcg:1' }] };
const deployment = (uid = 'u1'): StoredObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'orders-worker',
    namespace: 'shop',
    uid: 'd1',
    resourceVersion: '1',
    ownerReferences: [
      { apiVersion: 'kcg.dev/v1alpha1', kind: 'Other', name: 'orders', uid, controller: true },
    ],
  },
  spec: { template: { spec: worker } },
});
test.each([
  [true, 'failed'],
  [false, 'ok'],
])(
  'does not say that the operator makes a table anew that is gone with its claim: %s',
  async (claimed, result) => {
    const given = source('shop');
    const place = { ...given.place, table: 'rows', stream: { name: 'orders', arn: undefined } };
    const table = tableKey({
      groupId: '',
      region: 'eu-west-1',
      stream: place.stream,
      endpoints: {},
      table: 'rows',
    });
    const { metadata, ...rest } = stored();
    const annotations = writeTableRecord({ metadata }, { table, claimed });
    const about = {
      existing: { ...rest, metadata: { ...metadata, annotations } },
      signal: new AbortController().signal,
    };
    const [, [check]] = await checkTable({ ...given, place }, { table: async () => undefined }, about);
    expect(check?.result).toBe(result);
  },
);
test.each([
  ['2026-01-01T01:00:00Z', 'ok', 'it would be taken: the resource that held it is gone'],
  ['2026-01-01T02:00:00Z', 'failed', 'the positions under this group id are of a group with the range'],
])('tells whose range the positions are of, for one until %s', async (to, result, words) => {
  const claimed = {
    shard_id: 'group#claim',
    claimed_group: 'shop.orders',
    cluster_id: 'c1',
    resource_uid: 'gone',
    claimed_range: '2026-01-01T00:00:00.000Z/2026-01-01T01:00:00.000Z',
  };
  const table = new MemoryLeaseTable();
  table.store('group#claim', claimed);
  table.store('shardId-0', { shard_id: 'shardId-0', epoch: 1, sequence: 'SHARD_END' });
  const signal = new AbortController().signal;
  const aws = {
    rows: async () => decodeRows(await table.query('all', { consistent: true, signal })),
    leaseTable: async () => table,
  };
  const given = source('shop', { range: { from: '2026-01-01T00:00:00Z', to } });
  const facts = { clusterId: 'c1', groups: new Map(), existing: undefined } as unknown as ClusterFacts;
  const [check] = await checkClaim(given, aws, { facts, stream: undefined, signal });
  expect(check).toMatchObject({ result, found: expect.stringContaining(words) });
});
test('says that the table of a shadow is made with the tags of the group', async () => {
  const given = source('shop', { desiredState: 'Shadow' });
  const place = { ...given.place, groupId: 'shop.orders.shadow' };
  const about = { existing: undefined, signal: new AbortController().signal };
  const [, [check]] = await checkTable({ ...given, place }, { table: async () => undefined }, about);
  expect(check?.found).toContain('tags[kcg.dev/group-id]: shop.orders,');
});
const REPLACED = 'all of the Deployment orders-worker would be replaced, one handover after another';
test.each<[string, object, StoredObject | undefined, string]>([
  ['nothing', {}, deployment(), 'none would be replaced by this'],
  ['how many there are', { scaling: { maxReplicas: 9 } }, deployment(), 'none would be replaced by this'],
  ['how long leases last', { leases: { durationSeconds: 33 } }, deployment(), REPLACED],
  ['the consumer', { consumer: { type: 'EnhancedFanOut' } }, deployment(), REPLACED],
  [
    'that it is stopped, and more',
    { desiredState: 'Stopped', handler: { log: {}, batchSize: 7 } },
    deployment(),
    `${REPLACED}, once the group is not stopped`,
  ],
  ['that it has none yet', {}, undefined, 'the operator makes the Deployment orders-worker'],
  [
    'that another has the name',
    {},
    deployment('u2'),
    'the Deployment orders-worker exists and is not of this group',
  ],
  [
    'the handler, to a container of the name of the one that kcg adds',
    { handler: { http: { container: 'worker', port: 8080, path: '/' } }, template: { spec: worker } },
    deployment(),
    "spec.handler.http.container: 'worker' is the name of the container kcg adds; give the app's container another",
  ],
])('says what becomes of pods when a group changes %s', (_, spec, found, words) => {
  const plan = planPods({ before: stored(), after: stored(spec), deployment: found })!;
  expect('check' in plan ? plan.check.found : plan.found).toBe(words);
  if (!('wanted' in plan)) return;
  const image = found ? 'registry/kcg:1' : 'kcg';
  expect(plan.wanted).toMatchObject({ spec: { template: { spec: { containers: [{ image }] } } } });
});

test.each<[string, string]>([
  ['shop.orders', 'none would be replaced by this'],
  ['another', REPLACED],
])('says what becomes of pods that read as the consumer shop.orders when it is called %s', (name, words) => {
  const fanOut = (consumer: object) => stored({ consumer: { type: 'EnhancedFanOut', ...consumer } });
  const plan = planPods({ before: fanOut({}), after: fanOut({ name }), deployment: deployment() })!;
  expect('check' in plan ? plan.check.found : plan.found).toBe(words);
});

test('knows the Deployment of a group that may not be read, but patched', () => {
  const plan = planPods({ before: undefined, after: stored(), deployment: deployment() });
  expect(plan).toMatchObject({ found: REPLACED });
});
