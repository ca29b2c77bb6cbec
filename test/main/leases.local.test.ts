import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { openLeaseTable } from '../../src/leases/dynamodb/lease-table.ts';
import { announceWorker, beatWorker, putShard, takeShard } from '../../src/leases/transitions.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { parse } from 'yaml';
import { ChaosProxy } from '../chaos/proxy.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { createTable } from '../support/local-table.ts';
import { KCG } from '../support/kcg-program.ts';
import { until } from '../support/until.ts';

const me = { worker: 'orders-worker-a', incarnation: 'i1' };
const S = (value: string) => ({ S: value });

let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
  await createTable(client, 'native');
  await createTable(client, 'theirs', ['shard_id']);
  await createTable(client, 'foreign', ['id']);
  await seedGroup('shop.orders');
  await client.send(
    new PutItemCommand({
      TableName: 'theirs',
      Item: { shard_id: S('shardId-7'), ref: S('app/17'), sequence: S('77'), ts: { N: '1767225600' } },
    }),
  );
});
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});
beforeEach(() => server.fail());

/** Written as a worker writes it. */
async function seedGroup(groupId: string): Promise<void> {
  const table = await openLeaseTable({ client, clock, tableName: 'native', groupId, callTimeoutMs: 10_000 });
  const whole = { parents: [], hashStart: '0', hashEnd: '9' };
  const identity = {
    state: 'starting',
    revision: 3,
    restartedAt: 0,
    address: '',
    podUid: '',
    node: '',
  } as const;
  const now = clock.now();
  await table.write(
    announceWorker({ ...me, ...identity, startedAt: now, maxLeases: 0, leaseDurationMs: 0 }, now),
  );
  await table.write(
    beatWorker(me, { beat: 2, state: 'live', held: 1, lagging: { 'shardId-0': 5_000 } }, now),
  );
  for (const shardId of ['shardId-0', 'shardId-1']) {
    await table.write(putShard({ shardId, checkpoint: { at: 'TRIM_HORIZON' }, ...whole }, now));
  }
  const seen = { shardId: 'shardId-0', owner: undefined, epoch: Math.floor(now / 1000) };
  expect((await table.write(takeShard(seen, me, now))).outcome).toBe('done');
}

async function leases(...argv: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const { code, stdout, stderr } = await kcgHere(['leases', '--dynamodb-endpoint', server.endpoint, ...argv]);
  return { code, out: stdout, err: stderr };
}

/** The same as a process of its own, without any AWS configuration. */
function leasesProcess(...argv: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const all = [KCG, 'leases', '--dynamodb-endpoint', server.endpoint, ...argv];
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' };
  return new Promise((resolve) => {
    execFile(process.execPath, all, { env }, (error, out, err) => {
      resolve({ code: error?.code ?? 0, out, err });
    });
  });
}

describe('kcg leases reads', () => {
  test('the only group of a table, without being told which', async () => {
    const { code, out, err } = await leasesProcess('--table', 'native');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out.trimEnd().split('\n');
    // The lag of what nobody has read counts from its row on.
    expect(lines[0]).toMatch(/^group shop\.orders in table native, 1 of 2 shards owned, 1 worker, lag \d+s$/);
    expect(lines[3]).toMatch(/^shardId-0 {3}owned {3}orders-worker-a {3}\d+ +- +5s +-$/);
    expect(lines[4]).toMatch(/^shardId-1 {3}free {4}- +\d+ +- +\d+s +-$/);
    expect(lines[7]).toMatch(/^orders-worker-a {3}live {4}1 +2 +\d+s ago +3$/);
  });

  test('a table that async-kinesis has made and written', async () => {
    const { out } = await leases('--table', 'theirs');
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^table theirs, 1 of 1 shard owned, 0 workers, lag \d+d$/);
    expect(lines[3]).toMatch(/^shardId-7 {3}other-program {3}app\/17 {3}- +\d+[a-z0-9]+ ago +\d+d +-$/);
  });

  test.each<[string, (text: string) => unknown]>([
    ['json', JSON.parse],
    ['yaml', parse],
  ])('for programs, as %s', async (output, read) => {
    const { code, out } = await leases('--group', 'shop.orders', '--table', 'native', '-o', output);
    expect(code).toBe(0);
    expect(read(out)).toMatchObject({ groupId: 'shop.orders', shards: [{ owner: me.worker }, {}] });
  });

  // The latter has found trouble: what runs until Ctrl-C is done with it all the same.
  test.each([
    ['leases', 'group shop.orders'],
    ['status', 'shop.orders'],
  ])('again and again with --watch, also where nobody draws: %s', async (verb, shown) => {
    const stop = new AbortController();
    const argv = [verb, '--dynamodb-endpoint', server.endpoint, '--table', 'native', '--watch'];
    const before = server.counts.get('Query') ?? 0;
    const run = kcgHere(argv, {}, stop.signal);
    await until('it has looked twice', () => (server.counts.get('Query') ?? 0) > before + 1);
    stop.abort();
    expect(await run).toMatchObject({ code: 0, stdout: expect.stringContaining(shown) });
  });

  test('over a line on which an answer takes longer than a worker waits for it', async () => {
    const line = await ChaosProxy.start(Number(new URL(server.endpoint).port), systemRandom);
    onTestFinished(() => line.refuse());
    line.faults = { delayMs: [2_500, 2_500] };
    const table = ['--dynamodb-endpoint', `http://127.0.0.1:${line.port}`, '--table', 'native'];
    const asked = () => server.counts.get('DescribeTable') ?? 0;
    const before = asked();
    const run = kcgHere(['leases', ...table, '--group', 'shop.orders']);
    // The first call is enough of it.
    await until('the table is asked for', () => asked() > before);
    line.faults = {};
    const { code, stdout, stderr } = await run;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('orders-worker-a');
  });

  test('many groups in one table, reading one row of each to name them', async () => {
    await createTable(client, 'shared');
    const put = (group: string, shard: string) =>
      client.send(
        new PutItemCommand({ TableName: 'shared', Item: { group_id: S(group), shard_id: S(shard) } }),
      );
    for (const group of ['shop.a', 'shop.b', 'shop.c']) {
      for (const shard of ['shardId-0', 'shardId-1', 'worker#a']) await put(group, shard);
    }
    const before = server.counts.get('Scan') ?? 0;
    const { code, err } = await leases('--table', 'shared');
    expect(code).toBe(2);
    expect(err).toBe(
      'error: table shared holds several groups. Choose one with --group: shop.a, shop.b, shop.c.\n',
    );
    expect(server.counts.get('Scan')! - before).toBeLessThanOrEqual(4);
  });
});

/* The other commands that take --table. */
test.each<[string[], RegExp, number]>([
  [['status', '--table', 'native'], /^shop\.orders {2}/, 1],
  [['shards', '--table', 'native'], /^shop\.orders: 2 shards/, 0],
  [
    ['status', '--table', 'native', '--group', 'shop.order'],
    /^error: table native has no row of group shop\.order\. Did you mean --group shop\.orders\?\n$/,
    1,
  ],
  [
    ['describe', '--table', 'shared'],
    /^error: table shared holds several groups\. Choose one with --group: /,
    2,
  ],
  [['status', '--table', 'nope'], /^error: nothing is known of table nope: rows: .* not found/, 1],
  [['status', '--table', 'native', '-l', 'a=b'], /^error: status takes --table or -l, not both\. /, 2],
  [['status', '-f', 'group.yaml', '-A'], /^error: status takes -f or -A, not both\. /, 2],
])('kcg %s says whose rows it shows, or why it shows none', async ([verb = '', ...argv], says, exit) => {
  const { code, stdout, stderr } = await kcgHere([verb, '--dynamodb-endpoint', server.endpoint, ...argv]);
  expect(stdout + stderr).toMatch(says);
  expect(code).toBe(exit);
});

test('kcg leases names the one group of a table whose key is shard_id alone, once kcg has used it', async () => {
  await createTable(client, 'adopted', ['shard_id']);
  const claim = { shard_id: S('group#claim'), claimed_group: S('shop.orders') };
  await client.send(new PutItemCommand({ TableName: 'adopted', Item: claim }));
  const { out } = await leases('--table', 'adopted');
  expect(out).toMatch(/^group shop\.orders in table adopted, 0 of 0 shards owned/);
  const { code, err } = await leases('--table', 'adopted', '--group', 'shop.clicks');
  expect(code).toBe(1);
  expect(err).toMatch(
    /^error: table adopted holds one group, and that is shop\.orders\. Name --group shop\.orders, or .*\n$/,
  );
});

describe('kcg leases says in one line', () => {
  test.each<[string, string[], RegExp]>([
    [
      'that the table is missing',
      ['--table', 'nope'],
      /^error: there is no table nope in http:\/\/\S+\. Check the name \(--table\), the region .*\n$/,
    ],
    [
      'that the group has no row, and which one may be meant',
      ['--table', 'native', '--group', 'shop.order'],
      /^error: table native has no row of group shop\.order\. Did you mean --group shop\.orders\?\n$/,
    ],
    [
      'which groups there are',
      ['--table', 'native', '--group', 'other'],
      /^error: table native has no row of group other\. It holds: shop\.orders\.\n$/,
    ],
    [
      'that the table is not of ours',
      ['--table', 'foreign'],
      /^error: the key of table foreign is \(id HASH\)\. Name a table .*\n$/,
    ],
  ])('%s', async (_, argv, line) => {
    const { code, out, err } = await leases(...argv);
    expect(err).toMatch(line);
    expect({ code, out }).toEqual({ code: 1, out: '' });
  });

  test.each<[string, string[], string]>([
    ['that the group has no row', ['--group', 'x'], 'table native has no row of group x'],
    [
      'that it has to be told the group',
      [],
      'table native may hold several groups. Choose one with --group.',
    ],
  ])('%s, also when the groups cannot be listed', async (_, argv, message) => {
    server.fail((operation) =>
      operation === 'Scan' ? { do: 'fail', type: 'AccessDeniedException', message: 'no' } : undefined,
    );
    const { err } = await leases('--table', 'native', ...argv);
    expect(err).toBe(`error: ${message}\n`);
  });

  test('which permission is missing', async () => {
    const message = 'User: arn:aws:iam::1:user/me is not authorized to perform: dynamodb:Query';
    server.fail((operation) =>
      operation === 'Query' ? { do: 'fail', type: 'AccessDeniedException', message } : undefined,
    );
    const { code, err } = await leases('--table', 'native', '--group', 'shop.orders');
    expect(code).toBe(1);
    expect(err).toBe(
      `error: dynamodb:Query was denied: ${message} (table native). Allow dynamodb:Query on table native for your AWS identity.\n`,
    );
  });

  test('whose trust policy is in the way', async () => {
    const message =
      'User: arn:aws:iam::1:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/x';
    server.fail(() => ({ do: 'fail', type: 'AccessDenied', message }));
    const { err } = await leases('--table', 'native', '--group', 'shop.orders');
    expect(err).toContain('Let the trust policy of arn:aws:iam::1:role/x allow sts:AssumeRole');
  });
});

test('kcg status takes what it does not find for missing, but of a group whose role may be of another account', async () => {
  const kinesis = await startLocalKinesis({ clock });
  const folder = await mkdtemp(join(tmpdir(), 'kcg-status-'));
  onTestFinished(async () => {
    await kinesis.close();
    await rm(folder, { recursive: true });
  });
  const at = ['--kinesis-endpoint', kinesis.endpoint, '--dynamodb-endpoint', server.endpoint];
  const file = join(folder, 'group.yaml');
  const status = async (more: object) => {
    const metadata = { name: 'orders', namespace: 'shop' };
    const about = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisConsumerGroup', metadata };
    const checkpoints = { table: { name: 'native' } };
    const spec = { stream: { name: 'orders' }, region: 'eu-west-1', checkpoints, handler: { log: {} } };
    await writeFile(file, JSON.stringify({ ...about, spec: { ...spec, ...more } }));
    return await kcgHere(['status', '-f', file, ...at]);
  };
  const own = await status({});
  expect(own.stdout).toContain('StreamNotFound');
  const role = await status({ aws: { roleArn: 'arn:aws:iam::222222222222:role/kcg-shop' } });
  expect(role.stdout).not.toContain('StreamNotFound');
  expect(role.stdout).toContain('The group is in account 222222222222, that of spec.aws.roleArn');
});
