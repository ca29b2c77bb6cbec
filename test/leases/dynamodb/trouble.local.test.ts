import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  startLocalDynamoDb,
  type DynamoDbFault,
  type LocalDynamoDb,
} from '../../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { DynamoDbLeaseTable, openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import type { LeaseTable } from '../../../src/leases/lease-table.ts';
import { pinStart } from '../../../src/leases/transitions.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { describeError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createTable } from '../../support/local-table.ts';

const region = 'eu-west-1';
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let table: LeaseTable;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog, accessKeyIds: ['test'] });
  client = createDynamoDbClient({ region, endpoint: server.endpoint });
  await createTable(client, 'leases');
  const options = { client, clock, tableName: 'leases', groupId: 'g', callTimeoutMs: 10_000 };
  table = await openLeaseTable(options);
});
afterEach(() => server.fail());
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const failWith = (type: string, status = 400, message = 'no') =>
  server.fail((): DynamoDbFault => ({ do: 'fail', type, status, message }));
const write = () => table.write(pinStart(1));

describe('trouble with the table', () => {
  it.each([
    ['ProvisionedThroughputExceededException', 400, 'Throttled', 'OnDemand'],
    ['ThrottlingException', 400, 'Throttled', undefined],
    ['RequestLimitExceeded', 400, 'Throttled', undefined],
    [
      'AccessDeniedException',
      400,
      'AccessDenied',
      "Allow dynamodb:UpdateItem on table leases for the worker's role",
    ],
    ['KMSAccessDeniedException', 400, 'AccessDenied', 'KMS key of table leases'],
    ['ResourceNotFoundException', 400, 'NotFound', 'name of the table'],
    ['ExpiredTokenException', 400, 'Credentials', 'session token'],
    ['TransactionConflictException', 400, 'Conflict', undefined],
    ['ValidationException', 400, 'InvalidInput', undefined],
    ['InternalServerError', 500, 'Unavailable', undefined],
    ['ServiceUnavailable', 503, 'Unavailable', undefined],
  ])('%s (%i) is %s', async (type, status, code, fix) => {
    failWith(type, status);
    await expect(write()).rejects.toMatchObject({
      code,
      resource: 'table leases',
      ...(fix ? { fix: expect.stringContaining(fix) } : {}),
    });
  });

  it('names the action on the key that AWS names', async () => {
    const key = 'arn:aws:kms:eu-west-1:123456789012:key/0d1e';
    const message = `KMS: User: arn:aws:iam::1:user/me is not authorized to perform: kms:CreateGrant on resource: ${key}`;
    failWith('AccessDeniedException', 400, message);
    const fix = `Allow kms:CreateGrant on ${key} for the worker's role.`;
    await expect(write()).rejects.toMatchObject({ code: 'AccessDenied', fix });
  });

  it('names the region that the endpoint is not of', async () => {
    failWith('InvalidSignatureException', 400, 'Credential should be scoped to a valid region.');
    const fix = expect.stringContaining(`Correct the region ${region} `);
    await expect(write()).rejects.toMatchObject({ code: 'InvalidInput', fix });
  });

  it('is tried once: retries are the caller’s', async () => {
    failWith('InternalServerError', 500);
    const before = server.counts.get('UpdateItem') ?? 0;
    await expect(write()).rejects.toThrow();
    expect(server.counts.get('UpdateItem')).toBe(before + 1);
  });

  it('a write whose answer got lost is Unavailable, and done when it is repeated', async () => {
    server.fail(() => ({ do: 'drop answer' }));
    const pin = { ...pinStart(1), key: 'group#dropped' };
    await expect(table.write(pin)).rejects.toMatchObject({ code: 'Unavailable' });
    server.fail();
    expect(await table.write(pin)).toMatchObject({ outcome: 'done', row: { start_at: 1 } });
  });

  it('a call that gets no answer ends at its deadline', async () => {
    server.fail(() => ({ do: 'hang' }));
    await expect(hurriedTable().write(pinStart(1))).rejects.toMatchObject({
      code: 'Timeout',
      fix: expect.stringContaining(new URL(server.endpoint).host),
    });
  });

  /** Not by `openLeaseTable`: its own call has no more time than this, which a busy machine may need. */
  function hurriedTable(): LeaseTable {
    const options = { client, clock, tableName: 'leases', groupId: 'g', callTimeoutMs: 50 };
    return new DynamoDbLeaseTable(options, 'native');
  }

  it('a call ends with the reason of its signal', async () => {
    server.fail(() => ({ do: 'hang' }));
    const stop = new AbortController();
    const writing = table.write(pinStart(1), { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
  });

  it('a failure in the middle of many pages is not an end of the list', async () => {
    const filler = 'x'.repeat(300_000);
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      await table.write({
        name: 'fill',
        key: `group#${key}`,
        kind: 'put',
        when: [],
        set: { filler },
        proof: [],
      });
    }
    let pages = 0;
    server.fail((operation) =>
      operation === 'Query' && ++pages > 1 ? { do: 'fail', type: 'ThrottlingException' } : undefined,
    );
    await expect(table.query('all', { consistent: true })).rejects.toMatchObject({ code: 'Throttled' });
    expect(pages).toBe(2);
  });

  it('a missing table is NotFound and named', async () => {
    const opening = openLeaseTable({ client, clock, tableName: 'nowhere', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({ code: 'NotFound', resource: 'table nowhere' });
  });

  it('a table with another key is refused with what it has and what is needed', async () => {
    await createTable(client, 'foreign', ['leaseKey']);
    const opening = openLeaseTable({ client, clock, tableName: 'foreign', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({
      code: 'Conflict',
      message: 'the key of table foreign is (leaseKey HASH)',
      fix: expect.stringContaining('group_id + shard_id'),
    });
  });

  it('an endpoint nobody listens on is Unavailable and named', async () => {
    const nowhere = createDynamoDbClient({ region, endpoint: 'http://127.0.0.1:9' });
    const opening = openLeaseTable({ client: nowhere, clock, tableName: 't', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('127.0.0.1:9'),
    });
    nowhere.destroy();
  });

  it('every call goes to the endpoint, and fails with its name once nobody listens there', async () => {
    const gone = await startLocalDynamoDb({ clock, log: silentLog });
    const { host } = new URL(gone.endpoint);
    const toIt = createDynamoDbClient({ region, endpoint: gone.endpoint });
    await createTable(toIt, 'leases');
    const known = await openLeaseTable({ client: toIt, clock, tableName: 'leases', groupId: 'g' });
    await gone.close();
    const write = { name: 'w', key: 'k', when: [], proof: [] };
    const calls: [string, () => Promise<unknown>][] = [
      ['open', () => openLeaseTable({ client: toIt, clock, tableName: 'leases', groupId: 'g' })],
      ['get', () => known.get('k', { consistent: true })],
      ['query', () => known.query('all', { consistent: true })],
      ['query of workers', () => known.query('workers', { consistent: false })],
      ['put', () => known.write({ ...write, kind: 'put' })],
      ['update', () => known.write({ ...write, kind: 'update', set: { n: 1 } })],
      ['delete', () => known.write({ ...write, kind: 'delete' })],
    ];
    for (const [name, call] of calls) {
      const named = { code: 'Unavailable', message: expect.stringContaining(host) };
      await expect(call(), name).rejects.toMatchObject(named);
    }
    toIt.destroy();
  });

  it('an endpoint that is something else is told apart', async () => {
    const web = createServer((_, response) => response.writeHead(404).end('<html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => web.once('listening', resolve));
    const { port } = web.address() as AddressInfo;
    const lost = createDynamoDbClient({ region, endpoint: `http://127.0.0.1:${port}` });
    const opening = openLeaseTable({ client: lost, clock, tableName: 't', groupId: 'g' });
    const told = await opening.then(String, describeError);
    expect(told).toContain(`127.0.0.1:${port}`);
    expect(told).toContain('DynamoDB endpoint');
    lost.destroy();
    web.closeAllConnections();
    web.close();
  });

  it('wrong credentials are Credentials', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'stranger');
    const stranger = createDynamoDbClient({ region, endpoint: server.endpoint });
    const opening = openLeaseTable({ client: stranger, clock, tableName: 't', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({ code: 'Credentials' });
    stranger.destroy();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  });
});
