import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { kcgHere } from '../support/kcg-here.ts';

/* kcg leases NAME: the resource says where the table is. An API server that holds these resources, and no more. */

let dynamodb: LocalDynamoDb;
let api: Server;
let apiUrl: string;
const asked: string[] = [];

const resource = (spec: object, status: object = {}) => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: { name: 'orders', namespace: 'shop', uid: 'u', resourceVersion: '1' },
  spec: { stream: { name: 'orders' }, endpoints: { dynamodb: dynamodb.endpoint }, ...spec },
  status,
});
const RESOURCES: Record<string, () => object> = {
  orders: () => resource({ handler: { log: {} }, groupId: 'g-1', checkpoints: { table: { name: 'mine' } } }),
  invalid: () => resource({ handler: {}, groupId: 'g-1', checkpoints: { table: { name: 'mine' } } }),
  hopeless: () => resource({ stream: {}, handler: { log: {} } }),
};

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  const keys = ['group_id', 'shard_id'];
  await client.send(
    new CreateTableCommand({
      TableName: 'mine',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
  client.destroy();
  api = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const name = request.url?.split('/').at(-1) ?? '';
    if (name === 'secret') {
      const message = 'kinesisconsumergroups.kcg.dev "secret" is forbidden: User "me" cannot get resource';
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message }));
      return;
    }
    const list = name.startsWith('kinesisconsumergroups')
      ? () => ({ metadata: { resourceVersion: '1' }, items: [resource({})] })
      : undefined;
    const found = RESOURCES[name] ?? list;
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found?.() ?? { kind: 'Status', code: 404 }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
});
afterAll(async () => {
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
  await dynamodb.close();
  vi.unstubAllEnvs();
});

test('of groups of a file, one whose table is not there does not hide the others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-two-groups-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const orders = resource({ handler: { log: {} }, groupId: 'g-1', checkpoints: { table: { name: 'mine' } } });
  const clicks = {
    ...resource({ handler: { log: {} }, desiredState: 'Shadow' }),
    metadata: { name: 'clicks', namespace: 'shop' },
  };
  writeFileSync(join(folder, 'groups.yaml'), JSON.stringify({ kind: 'List', items: [orders, clicks] }));
  const status = ['status', '-f', join(folder, 'groups.yaml'), '--region', 'eu-west-1'];
  const both = await kcgHere([...status, '--kinesis-endpoint', dynamodb.endpoint]);
  expect(both).toMatchObject({ code: 1, stderr: '' });
  expect(both.stdout).toMatch(/^shop\/orders  NoRows$/m);
  expect(both.stdout).toMatch(/^shop\/clicks  NothingKnown$/m);
  expect(both.stdout).toContain('UNKNOWN  rows: ');
  // A shadow by the id of its group, as by its name or that of its rows.
  const one = await kcgHere([...status, '--group', 'shop.clicks', '--kinesis-endpoint', dynamodb.endpoint]);
  expect(one).toMatchObject({ code: 1, stdout: '' });
  expect(one.stderr).toMatch(/^error: nothing is known of shop\/clicks: rows: /);
});

const leases = (name: string, ...more: string[]) =>
  kcgHere(['leases', name, '-n', 'shop', '--server', apiUrl, ...more]);

describe('kcg leases NAME', () => {
  test('reads table, group and endpoint from the resource', async () => {
    const { code, stdout, stderr } = await leases('orders');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^group g-1 in table mine, 0 of 0 shards owned/);
    expect(asked).toEqual(['GET /apis/kcg.dev/v1alpha1/namespaces/shop/kinesisconsumergroups/orders']);
  });

  test('does so too for a resource whose spec is invalid elsewhere', async () => {
    expect((await leases('invalid')).stdout).toMatch(/^group g-1 in table mine,/);
  });

  test('lets flags win', async () => {
    const { code, stderr } = await leases('orders', '--table', 'other');
    expect(code).toBe(1);
    expect(stderr).toContain(`there is no table other in ${dynamodb.endpoint}`);
  });

  test('says what to do when the resource is not there, or does not say', async () => {
    expect(await leases('nope')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: there is no KinesisConsumerGroup nope in namespace shop. kcg get -A lists those of all namespaces. A table can be read without one: name it with --table.\n',
    });
    const near = 'error: there is no KinesisConsumerGroup ordrs in namespace shop. Did you mean orders?';
    expect((await leases('ordrs')).stderr).toBe(
      `${near} A table can be read without one: name it with --table.\n`,
    );
    const get = (...more: string[]) => kcgHere(['get', 'orders', '--server', apiUrl, ...more]);
    const two = await get('ordrs', '-n', 'shop');
    expect(two).toMatchObject({ code: 1, stderr: `${near}\n` });
    expect(two.stdout).toMatch(/^NAME .*\norders /);
    expect((await get('-l', 'a=b')).stderr).toContain('get takes names or -l, not both');
    const pause = await kcgHere(['pause', 'ordrs', '-n', 'shop', '--server', apiUrl]);
    expect(pause).toEqual({ code: 1, stdout: '', stderr: `${near}\n` });
    const { code, stderr } = await leases('hopeless');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: shop\/hopeless does not say where its table is: .*stream.* Name it with --table/,
    );
  });

  test('speaks to a person when Kubernetes refuses or does not answer', async () => {
    const { stderr } = await leases('secret');
    expect(stderr).toMatch(
      /is forbidden: User "me" cannot get resource.*The ClusterRole "view" has this right/,
    );
    const endpoint = dynamodb.endpoint;
    const away = ['leases', 'orders', '-n', 'shop', '--server', 'http://127.0.0.1:1'];
    const guessed = await kcgHere([...away, '--dynamodb-endpoint', endpoint]);
    expect(guessed.stderr).toMatch(
      /^warning: cannot get .* ECONNREFUSED .*unless its spec says otherwise.*\nerror: there is no table kinesis-checkpoints-shop-orders in /,
    );
    const get = await kcgHere(['get', '--server', 'http://127.0.0.1:1']);
    expect(get).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Check the kubeconfig, .* network\.\n$/),
    });
  });
});
