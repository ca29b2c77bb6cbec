import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { ImportRun } from '../../src/import/import-run.ts';
import { timeSource } from '../../src/import/import-source.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { openLeaseTable } from '../../src/leases/dynamodb/lease-table.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { claimForACluster } from '../support/claim-for-a-cluster.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { createStream, createTable } from '../support/local-table.ts';

/* kcg import as its user meets it: on tables alone, over HTTP. */

let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;
let client: ReturnType<typeof createDynamoDbClient>;
let folder: string;
const S = (value: string) => ({ S: value });
const N = (value: number) => ({ N: String(value) });

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  folder = await mkdtemp(join(tmpdir(), 'kcg-import-'));
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  await createStream(kinesis.kinesis, 'orders', 3);
  await createStream(kinesis.kinesis, 'many', 64);
  await createTable(client, 'ours');
  await createTable(client, 'orders-app', ['leaseKey']);
  await createTable(client, 'empty-app', ['leaseKey']);
  const { shards } = kinesis.kinesis.listShards('orders');
  for (const { shardId, startingSequence } of shards.slice(0, 2)) {
    await client.send(
      new PutItemCommand({
        TableName: 'orders-app',
        Item: {
          leaseKey: S(shardId),
          checkpoint: S(startingSequence),
          checkpointSubSequenceNumber: N(0),
          leaseCounter: N(12),
          leaseOwner: S('their-worker'),
          ownerSwitchesSinceCheckpoint: N(0),
        },
      }),
    );
  }
});
afterAll(async () => {
  client.destroy();
  await Promise.all([dynamodb.close(), kinesis.close()]);
  await rm(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const run = (...argv: string[]) => command('import', ...argv);
const command = (verb: string, ...argv: string[]) =>
  kcgHere([
    verb,
    '--kinesis-endpoint',
    kinesis.endpoint,
    '--dynamodb-endpoint',
    dynamodb.endpoint,
    '--region',
    'eu-west-1',
    ...argv,
  ]);
const GROUP = ['--group', 'shop.orders', '--table', 'ours', '--stream', 'orders'];
const open = (groupId: string) =>
  openLeaseTable({ client, clock, tableName: 'ours', groupId, callTimeoutMs: 10_000 });
const leasesOf = async (groupId: string) =>
  decodeRows(await (await open(groupId)).query('all', { consistent: true })).leases;

async function groupFile(importFrom: Record<string, unknown>, groupId?: string): Promise<string> {
  const path = join(folder, 'group.yaml');
  const group = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: {
      ...(groupId === undefined ? {} : { groupId }),
      stream: { name: 'orders' },
      region: 'eu-west-1',
      checkpoints: { table: { name: 'ours' }, importFrom },
      handler: { log: {} },
    },
  };
  await writeFile(path, JSON.stringify(group));
  return path;
}

describe('a dry run', () => {
  test('shows what becomes of each position of a file, and writes nothing', async () => {
    const file = await groupFile({ type: 'KCL', table: 'orders-app' });
    const { code, stdout } = await run('-f', file, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^KCL table orders-app, written by KCL .*: 3 shards, 2 with a position there/);
    expect(stdout).toMatch(/shardId-000000000000 +\d{20,}/);
    expect(stdout).toMatch(
      /shardId-000000000002 +- +TRIM_HORIZON +it has no row; the group's initialPosition/,
    );
    expect(stdout).toMatch(
      /Nothing was written\. Stop the other consumer first: its rows have to stand still for \d+ s\./,
    );
    expect(await leasesOf('shop.orders')).toEqual([]);
  });

  test('says with its exit code that records would be missing, and what of them as JSON', async () => {
    const { code, stdout } = await run(
      ...GROUP,
      '--type',
      'KCL',
      '--from',
      'orders-app',
      '--initial-position',
      'Latest',
      '--dry-run',
      '-o',
      'json',
    );
    expect(code).toBe(3);
    const report = JSON.parse(stdout) as { shards: { missing?: string; owner?: string }[] };
    expect(report.shards.map(({ owner }) => owner)).toEqual(['their-worker', 'their-worker', undefined]);
    expect(report.shards[2]?.missing).toContain('after the other stopped');
  });

  test.each([
    [
      'a table that is not there',
      ['--from', 'no-app'],
      1,
      'error: there is no KCL table no-app. Check its name, the region and the account.\n',
    ],
    ['one without a position', ['--from', 'empty-app'], 1, 'empty-app'],
    ['one of another program', ['--type', 'VmwareGoKcl', '--from', 'orders-app'], 1, 'orders-app'],
    ['no source', [], 2, 'the group does not say whose positions it begins with'],
  ])('refuses %s', async (_, flags, exit, says) => {
    const type = flags.includes('--type') || flags.length === 0 ? [] : ['--type', 'KCL'];
    const { code, stdout, stderr } = await run(...GROUP, ...type, ...flags, '--dry-run');
    expect(code).toBe(exit);
    expect(stdout + stderr).toContain(says);
  });
});

describe('an import', () => {
  const BY_TIME = ['--type', 'EventSourceMapping', '--processed-until', '2026-11-23T08:00:00Z'];

  test('by time is done at once, is done once, and can be undone', async () => {
    const first = await run(...GROUP, ...BY_TIME);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^imported: 3 shards from event source mapping at 20/);
    const leases = await leasesOf('shop.orders');
    expect(leases.map(({ checkpoint }) => checkpoint)).toEqual(
      Array.from({ length: 3 }, () => ({
        at: 'AT_TIMESTAMP',
        timestampMs: Date.parse('2026-11-23T07:59:00Z'),
      })),
    );
    const again = await run(...GROUP, ...BY_TIME, '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      reason: 'Imported',
      isNew: false,
      imported: { shards: 3 },
    });
    const undone = await run('--undo', '--group', 'shop.orders', '--table', 'ours');
    expect(undone).toMatchObject({
      code: 0,
      stdout: 'undone: 3 shards of shop.orders from event source mapping\n',
    });
    expect(await leasesOf('shop.orders')).toEqual([]);
    const none = await run('--undo', '--group', 'shop.orders', '--table', 'ours');
    expect(none.stdout).toBe('nothing to undo: no position of shop.orders was imported\n');
  });

  test('until a time that is to come is refused, and writes nothing', async () => {
    const mapping = ['--type', 'EventSourceMapping', '--processed-until', '2100-01-01T00:00:00Z'];
    const at = ['--group', 'shop.future', '--table', 'ours', '--stream', 'orders'];
    const { code, stderr } = await run(...at, ...mapping);
    expect(code).toBe(1);
    expect(stderr).toContain('processedUntil (2100-01-01T00:00:00.000Z) is in the future');
    expect(await leasesOf('shop.future')).toEqual([]);
  });

  test('of a group that has positions changes nothing, and says so', async () => {
    const table = await open('shop.old');
    const put = { name: 'put', key: 'shardId-000000000000', kind: 'put', when: [], proof: [] } as const;
    await table.write({ ...put, set: { sequence: '7', epoch: 1 } });
    const { code, stdout } = await run(
      '--group',
      'shop.old',
      '--table',
      'ours',
      '--stream',
      'orders',
      ...BY_TIME,
    );
    expect(code).toBe(0);
    expect(stdout).toBe('the group has positions of 1 shard already, so nothing is imported\n');
    expect((await leasesOf('shop.old')).map(({ checkpoint }) => checkpoint)).toEqual([
      { at: 'SEQUENCE', sequence: '7' },
    ]);
  });

  test('of a group that the operator of a cluster runs is left to it, unless it is said to be gone', async () => {
    const groupId = 'shop.managed';
    const table = await open(groupId);
    const clusterId = await claimForACluster(table, { groupId, kinesis: kinesis.kinesis });
    const file = await groupFile({ type: 'KCL', table: 'orders-app' }, groupId);
    const named = ['--group', groupId, '--table', 'ours', '--stream', 'orders'];
    const patch = (name: string, importFrom: object) => {
      const spec = JSON.stringify({ spec: { checkpoints: { importFrom } } });
      return `by itself. If no operator runs the group any more, add --unmanaged.\n  kubectl patch kcg ${name} -n shop --type merge -p '${spec}'\n`;
    };
    const byTime = { type: 'EventSourceMapping', processedUntil: '2026-11-23T08:00:00Z' };
    const refusals: [string[], string][] = [
      [['-f', file], patch('orders', { type: 'KCL', table: 'orders-app' })],
      [[...named, ...BY_TIME], patch('NAME', byTime)],
      [['-f', file, '--undo'], 'kcg stop orders -n shop --wait and kcg import orders -n shop --undo,'],
      [[...named, '--undo'], 'kcg stop NAME -n shop --wait and kcg import NAME -n shop --undo,'],
    ];
    for (const [argv, way] of refusals) {
      const { code, stdout, stderr } = await run(...argv);
      expect({ argv, code, stdout }).toEqual({ argv, code: 1, stdout: '' });
      expect(stderr).toContain(
        `an operator runs the group: its claim in the table names namespace shop of cluster ${clusterId}. Nothing was written`,
      );
      expect(stderr).toContain(way);
      expect(stderr).toContain('If no operator runs the group any more, add --unmanaged.');
      expect(await leasesOf(groupId)).toEqual([]);
    }
    // It only reads, so it is nobody's to refuse.
    expect(await run(...named, ...BY_TIME, '--dry-run')).toMatchObject({ code: 0, stderr: '' });
    expect(await leasesOf(groupId)).toEqual([]);
    expect(await run(...named, ...BY_TIME, '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
    expect(await leasesOf(groupId)).toHaveLength(3);
    expect(await run('-f', file, '--undo')).toMatchObject({ code: 1 });
    expect(await leasesOf(groupId)).toHaveLength(3);
    expect(await run('-f', file, '--undo', '--unmanaged')).toMatchObject({ code: 0, stderr: '' });
    expect(await leasesOf(groupId)).toEqual([]);
  });

  test('of 64 shards makes one write for each, and hardly any other call', async () => {
    const calls: string[] = [];
    const at = { client, clock, tableName: 'ours', groupId: 'shop.many', callTimeoutMs: 30_000 };
    const table = await openLeaseTable({ ...at, onRequest: (operation) => calls.push(operation) });
    const stream = memoryStreamClient(kinesis.kinesis, 'many');
    const source = timeSource({ name: 'mapping', stream, processedUntilMs: clock.now(), overlapMs: 0 });
    const importRun = new ImportRun({ table, source, clock, random: systemRandom, leaseDurationMs: 15_000 });
    expect(await importRun.step(new AbortController().signal)).toMatchObject({
      reason: 'Imported',
      isNew: true,
    });
    expect(await leasesOf('shop.many')).toHaveLength(64);
    // The snapshot, the mark in the claim twice, and the shards.
    expect(calls.filter((operation) => operation === 'UpdateItem')).toHaveLength(67);
    expect(calls.filter((operation) => operation !== 'UpdateItem')).toEqual([
      'DescribeTable',
      'Query',
      'GetItem',
    ]);
  });
});

describe('an export', () => {
  test('into a table of another key is refused, and writes nothing, whatever that table holds', async () => {
    await createTable(client, 'nobodys', ['pk']);
    for (const items of [[], [{ pk: S('x') }]]) {
      for (const Item of items) await client.send(new PutItemCommand({ TableName: 'nobodys', Item }));
      const { code, stdout } = await command('export', ...GROUP, '--to', 'kcl', '--to-table', 'nobodys');
      expect(code).toBe(1);
      expect(stdout).toContain('table nobodys has the key pk, which is of no program that is known here');
    }
  });
});

describe('a comparison', () => {
  const KCL = ['--type', 'KCL', '--with', 'orders-app'];

  test('shows both positions of each shard, who is ahead, and whose it is there', async () => {
    const group = 'shop.compared';
    const table = await open(group);
    const { shards } = kinesis.kinesis.listShards('orders');
    const [first, , third] = shards.map(({ shardId }) => shardId);
    const put = { name: 'put', kind: 'put', when: [], proof: [] } as const;
    await table.write({
      ...put,
      key: first!,
      set: { sequence: `${shards[0]!.startingSequence}9`, epoch: 1 },
    });
    await table.write({ ...put, key: third!, set: { sequence: 'TRIM_HORIZON', epoch: 1 } });
    const at = ['--group', group, '--table', 'ours', '--stream', 'orders'];
    const { code, stdout } = await command('compare', ...at, ...KCL);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `group ${group} and KCL table orders-app: 3 shards, 1 ahead here, 1 ahead there, 0 the same, 1 not known`,
    );
    expect(stdout).toMatch(/shardId-000000000000 +\d{21,} +\d{20,}(\+0)? +here +- +their-worker/);
    expect(stdout).toMatch(/shardId-000000000001 +- +\d{20,}(\+0)? +there +- +their-worker/);
    const json = await command('compare', ...at, ...KCL, '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({ groupId: group, refusals: [] });
  });

  test('takes the other from importFrom, and a group that has not begun', async () => {
    const file = await groupFile({ type: 'KCL', table: 'orders-app' });
    const { code, stdout } = await command('compare', '-f', file, '--table', 'not-made-yet');
    expect(code).toBe(0);
    expect(stdout).toContain('3 shards, 0 ahead here, 2 ahead there, 0 the same, 1 not known');
  });

  test.each([
    [
      'rows that it does not understand',
      ['--type', 'VmwareGoKcl', '--with', 'orders-app'],
      1,
      'table orders-app',
    ],
    ['a table that is not there', ['--type', 'KCL', '--with', 'no-app'], 1, 'no-app'],
    ['whom it does not know', [], 2, 'does not say whose positions'],
    [
      'a mapping',
      ['--type', 'EventSourceMapping', '--with', 'orders-app'],
      2,
      'set exactly one of table and url',
    ],
  ])('refuses %s', async (_, flags, exit, says) => {
    const { code, stdout, stderr } = await command('compare', ...GROUP, ...flags);
    expect({ code, says: (stdout + stderr).includes(says) || stdout + stderr }).toEqual({
      code: exit,
      says: true,
    });
  });
});
