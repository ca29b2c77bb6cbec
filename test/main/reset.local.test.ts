import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { resetOptions, targetFromFlags } from '../../src/cli/reset.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { openLeaseTable } from '../../src/leases/dynamodb/lease-table.ts';
import { writeResetSnapshot } from '../../src/import/reset/reset-snapshot.ts';
import { resetUnderWay } from '../../src/leases/claim.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { beginReset, holdForReset } from '../../src/leases/reset-writes.ts';
import { announceWorker, putShard, removeWorker } from '../../src/leases/transitions.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { parseOptions } from '../../src/lib/options.ts';
import { resetInTable } from '../../src/main/verbs/reset-in-table.ts';
import { claimForACluster } from '../support/claim-for-a-cluster.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { createStream, createTable } from '../support/local-table.ts';

/* kcg reset -f as the user of local mode meets it: on the table alone, over HTTP. */

let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;
let client: ReturnType<typeof createDynamoDbClient>;
let folder: string;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  folder = await mkdtemp(join(tmpdir(), 'kcg-reset-'));
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  await createStream(kinesis.kinesis, 'orders', 2);
  await createTable(client, 'ours');
  for (const shard of kinesis.kinesis.listShards('orders').shards) {
    const { sequence } = kinesis.kinesis.putRecord('orders', {
      partitionKey: 'a',
      data: Buffer.from('a'),
      explicitHashKey: shard.hashStart,
    });
    const checkpoint = { at: 'SEQUENCE' as const, sequence };
    await (await open()).write(putShard({ ...shard, parents: [], checkpoint }, clock.now()));
  }
  const spec = { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} } };
  const group = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: { ...spec, checkpoints: { table: { name: 'ours' } } },
  };
  await writeFile(join(folder, 'group.yaml'), JSON.stringify(group));
});
afterAll(async () => {
  client.destroy();
  await Promise.all([dynamodb.close(), kinesis.close()]);
  await rm(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const open = () =>
  openLeaseTable({ client, clock, tableName: 'ours', groupId: 'shop.orders', callTimeoutMs: 10_000 });
const positions = async () =>
  decodeRows(await (await open()).query('all', { consistent: true })).leases.map(
    ({ checkpoint }) => checkpoint,
  );
const reset = (...argv: string[]) => {
  const endpoints = ['--kinesis-endpoint', kinesis.endpoint, '--dynamodb-endpoint', dynamodb.endpoint];
  return kcgHere(['reset', '-f', join(folder, 'group.yaml'), ...endpoints, ...argv]);
};

test('positions go back, and back again, as they were', async () => {
  const before = await positions();
  const none = await reset('--undo');
  expect(none.stderr).toContain('no reset of the group is there to be undone');
  const dry = await reset('--to', 'TrimHorizon', '--dry-run');
  expect(dry.stdout).toContain('2 shards would move; nothing was written.');
  expect(await positions()).toEqual(before);

  const done = await reset('--to', 'TrimHorizon');
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toMatch(/shardId-000000000000 +\d+ +TRIM_HORIZON +the oldest record kept/);
  expect(done.stdout).toMatch(/2 shards moved\. The positions before are snapshot \w+/);
  expect(await positions()).toEqual([{ at: 'TRIM_HORIZON' }, { at: 'TRIM_HORIZON' }]);

  expect(await reset('--undo')).toMatchObject({ code: 0 });
  expect(await positions()).toEqual(before);
});

test.each([
  ['sees whether workers live', []],
  ['waits for workers', ['--stop']],
])('who stops it while it %s has them go on, and is told so', async (_, flags) => {
  const now = clock.now();
  const worker = {
    worker: 'w-a',
    incarnation: 'i1',
    state: 'live',
    revision: 1,
    restartedAt: 0,
    address: '',
  } as const;
  const row = { ...worker, podUid: '', node: '', startedAt: now, maxLeases: 0, leaseDurationMs: 0 };
  await (await open()).write(announceWorker(row, now));
  const argv = [
    '--to',
    'TrimHorizon',
    ...flags,
    '--kinesis-endpoint',
    kinesis.endpoint,
    '--dynamodb-endpoint',
    dynamodb.endpoint,
  ];
  const { options } = parseOptions(resetOptions, argv, {});
  const stop = new AbortController();
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTestFinished(() => told.mockRestore());
  const call = {
    to: targetFromFlags(options),
    options,
    env: {},
    signal: stop.signal,
    say: () => stop.abort(),
  };
  await expect(resetInTable(join(folder, 'group.yaml'), call)).rejects.toMatchObject({ code: 'Aborted' });
  expect(told.mock.calls.join('')).toContain('Run kcg reset again: it ends what has begun first.\n');
  const { claim } = decodeRows(await (await open()).query('all', { consistent: true }));
  expect(resetUnderWay(claim)).toBeUndefined();
  await (await open()).write(removeWorker(worker));
});

test.each<[string[], string]>([
  [['--to', 'yesterday'], "--to takes TrimHorizon, Latest or a time, not 'yesterday'"],
  [['--to', '2026-11-29'], '"2026-11-29" is not in the right form; write for example 2026-11-29T08:00:00Z\n'],
  [['--to', '2026-02-31T00:00:00Z'], 'has a day that does not exist'],
  [['--to', 'Latest', '--undo'], 'reset goes to one place only'],
  [[], 'reset needs to know where to'],
  [['--after', 'shardId-000000000000'], "--after takes SHARD=NUMBER, not 'shardId-000000000000'"],
  [['--after', '9=1'], 'shardId-000000000009 is not in the stream. Nothing was written'],
  [['--after', 'shardId-000000000009=1'], 'shardId-000000000009 is not in the stream. Nothing was written'],
  [['--to', '2999-01-01T00:00:00Z'], 'is in the future'],
])('%j is refused before anything is touched', async (argv, message) => {
  const before = await positions();
  const refused = await reset(...argv);
  expect(refused.code).toBeGreaterThan(0);
  expect(refused.stderr).toContain(message);
  expect(await positions()).toEqual(before);
});

test('what the operator of a cluster runs is left to it, unless it is said to be gone', async () => {
  const before = await positions();
  const table = await open();
  const clusterId = await claimForACluster(table, { groupId: 'shop.orders', kinesis: kinesis.kinesis });
  for (const argv of [['--to', 'TrimHorizon'], ['--to', 'TrimHorizon', '--dry-run'], ['--undo']]) {
    const refused = await reset(...argv);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`names namespace shop of cluster ${clusterId}. Nothing was written`);
    expect(refused.stderr).toContain('kcg reset orders -n shop, in a context of that cluster');
    expect(await positions()).toEqual(before);
  }
  expect(await reset('--to', 'TrimHorizon', '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
  expect(await reset('--undo', '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
  expect(await positions()).toEqual(before);
});

test.each(['holding', 'begun'] as const)(
  'what an operator that is gone has left %s is ended first',
  async (state) => {
    const before = await positions();
    const table = await open();
    const { claim } = decodeRows(await table.query('all', { consistent: true }));
    const id = `uid-${state}`;
    const at = clock.now();
    const record = { id, by: 'KinesisOffsetReset shop/back', isOfResource: true, at, parts: 0 };
    await table.write(holdForReset({ ...record, state: 'holding' }, claim?.reset));
    if (state === 'begun') {
      const snapshot = { layout: 1, at, shards: [], unchanged: [], notes: [] } as const;
      const { signal } = new AbortController();
      const parts = await writeResetSnapshot(table, { id, snapshot, signal });
      await table.write(beginReset({ id, parts }));
    }
    expect(await reset('--to', 'TrimHorizon', '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
    expect(await positions()).toEqual([{ at: 'TRIM_HORIZON' }, { at: 'TRIM_HORIZON' }]);
    expect(await reset('--undo', '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
    expect(await positions()).toEqual(before);
  },
);
