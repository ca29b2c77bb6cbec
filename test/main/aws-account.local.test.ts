import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { sdkAwsAccount } from '../../src/main/operator/aws-account.ts';
import { startLocalSts } from '../support/local-sts.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let kinesis: LocalKinesis;
let dynamodb: LocalDynamoDb;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  kinesis = await startLocalKinesis({ clock: systemClock });
  dynamodb = await startLocalDynamoDb({ clock: systemClock, log });
});
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  vi.unstubAllEnvs();
});

const target = (index: number) => ({
  groupId: `shop.g${index}`,
  region: 'eu-west-1',
  stream: { name: `s${index}` },
  endpoints: { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
  table: `table-${index}`,
});
const indexes = Array.from({ length: 12 }, (_, index) => index);

/** Ten calls are answered at once, and the others only when the account has more. */
async function expectTenAtOnce(clock: VirtualClock, asking: readonly Promise<unknown>[]): Promise<void> {
  let answered = 0;
  const all = Promise.all(asking.map((call) => call.then(() => (answered += 1))));
  await vi.waitFor(() => expect(answered).toBe(10), 120_000);
  await setTimeout(200);
  expect(answered).toBe(10);
  await clock.advance(1_000);
  await all;
}

test('asks for the streams of many groups no faster than the account allows', async () => {
  const clock = new VirtualClock();
  const aws = sdkAwsAccount(clock);
  const asking = indexes.map((index) => {
    kinesis.kinesis.createStream({ name: `s${index}`, shardCount: 1 });
    const stream = aws.streamClient(target(index));
    // The stream's time comes by the same call.
    return index % 2 === 0 ? stream.describe() : stream.now();
  });
  await expectTenAtOnce(clock, asking);
  aws.close();
});

test.each<[string, (client: StreamClient) => Promise<unknown>]>([
  ['DescribeStreamSummary', (client) => client.describe()],
  ['GetRecords', (client) => client.getRecords('an iterator', 1)],
])('asks %s of one stream after the other over one connection', async (operation, ask) => {
  const connections = vi.fn();
  // However long the machine is in between.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume().on('end', () => response.writeHead(400).end('{}'));
  }).on('connection', connections);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const aws = sdkAwsAccount(systemClock);
  for (const index of indexes.slice(0, 3)) {
    const at = { ...target(index), endpoints: { kinesis: `http://127.0.0.1:${port}` } };
    await expect(ask(aws.streamClient(at))).rejects.toThrow(operation);
    await setTimeout(0);
  }
  expect(connections).toHaveBeenCalledTimes(1);
  aws.close();
  server.close();
});

test('counts what it asks as a role of its own account with what it asks as itself', async () => {
  const clock = new VirtualClock();
  const sts = await startLocalSts();
  onTestFinished(() => sts.close());
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.endpoint);
  const role = { arn: 'arn:aws:iam::000000000000:role/kcg', externalId: 'a', sessionName: 'kcg' };
  sts.roles.set(role.arn, role.externalId);
  sts.expiresAtMs = clock.now() + 3_600_000;
  const aws = sdkAwsAccount(clock);
  const streams = indexes.map((index) => {
    kinesis.kinesis.createStream({ name: `s${50 + index}`, shardCount: 1 });
    return aws.streamClient({ ...target(50 + index), ...(index % 2 === 0 ? {} : { role }) });
  });
  // Whose account it is stands in the first answer.
  await streams[0]!.describe();
  await expectTenAtOnce(
    clock,
    streams.map((stream) => stream.describe()),
  );
  aws.close();
});

test('reads the tags of many tables no faster than the account allows', async () => {
  const clock = new VirtualClock();
  const aws = sdkAwsAccount(clock);
  const table = {
    billing: { mode: 'OnDemand' as const },
    tags: {},
    deletionProtection: false,
    key: undefined,
    tableClass: 'Standard' as const,
  };
  const asking = indexes.slice(0, 7).map(async (index) => {
    const admin = aws.tableAdmin(target(index));
    await admin.apply({ do: 'create', table });
    await admin.describe();
  });
  await vi.waitFor(() => expect(dynamodb.counts.get('ListTagsOfResource')).toBe(5), 120_000);
  await setTimeout(200);
  expect(dynamodb.counts.get('ListTagsOfResource')).toBe(5);
  await clock.advance(1_000);
  await Promise.all(asking);
  expect(dynamodb.counts.get('ListTagsOfResource')).toBe(7);
  aws.close();
});
