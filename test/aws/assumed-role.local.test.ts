import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { assumedRole, type AssumedRole } from '../../src/aws/assumed-role.ts';
import { awsCredentials } from '../../src/aws/credentials.ts';
import { sdkAwsAccount } from '../../src/main/operator/aws-account.ts';
import type { AwsAccount } from '../../src/operator/aws-account.ts';
import type { AwsRole, GroupTarget } from '../../src/operator/group-target.ts';
import { startLocalSts, type LocalSts } from '../support/local-sts.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR_MS = 3_600_000;
const role: AwsRole = {
  arn: 'arn:aws:iam::222222222222:role/kcg-shop',
  externalId: 'kcg/cluster-1/shop',
  sessionName: 'kcg-shop',
};

let clock: VirtualClock;
let sts: LocalSts;
let assumed: AssumedRole;
beforeEach(async () => {
  clock = new VirtualClock(Date.now());
  sts = await startLocalSts();
  sts.roles.set(role.arn, role.externalId);
  sts.expiresAtMs = clock.now() + HOUR_MS;
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'own');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.endpoint);
  assumed = assumedRole({
    clock,
    region: 'eu-west-1',
    role,
    credentials: awsCredentials({ clock }),
    principal: "the operator's role",
  });
});
afterEach(() => {
  assumed.close();
  sts.close();
  vi.unstubAllEnvs();
});

const key = async () => (await assumed.credentials()).accessKeyId;

it('is assumed with its external id, once for all calls, by who the operator is', async () => {
  expect(await Promise.all([key(), key(), key()])).toEqual(['key-1', 'key-1', 'key-1']);
  expect(await key()).toBe('key-1');
  const { arn, externalId, sessionName: session } = role;
  expect(sts.assumed).toEqual([{ arn, externalId, session, by: 'own' }]);
});

it('is assumed anew five minutes before its credentials end', async () => {
  expect(await key()).toBe('key-1');
  await clock.advance(HOUR_MS - 301_000);
  expect(await key()).toBe('key-1');
  sts.expiresAtMs = clock.now() + 2 * HOUR_MS;
  await clock.advance(6_000);
  expect(await key()).toBe('key-2');
  expect(sts.assumed).toHaveLength(2);
});

it('serves until its credentials end when STS gives no new ones, and is given again later', async () => {
  expect(await key()).toBe('key-1');
  sts.roles.clear();
  await clock.advance(HOUR_MS - 60_000);
  expect(await key()).toBe('key-1');
  await clock.advance(60_000);
  await expect(key()).rejects.toThrow('no credentials');
  sts.roles.set(role.arn, role.externalId);
  sts.expiresAtMs = clock.now() + HOUR_MS;
  await clock.advance(5_000);
  expect(await key()).toBe('key-2');
});

it('that is refused is asked for once in five seconds', async () => {
  sts.roles.set(role.arn, 'another');
  await expect(key()).rejects.toThrow();
  await expect(key()).rejects.toThrow();
  expect(sts.assumed).toHaveLength(1);
  await clock.advance(5_000);
  await expect(key()).rejects.toThrow();
  expect(sts.assumed).toHaveLength(2);
});

/** Keys that calls are signed with: of Kinesis and DynamoDB, which know nothing here. */
async function startSigned(): Promise<{ server: Server; endpoint: string; keys: string[] }> {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    response.statusCode = 400;
    response.end('{"__type":"ResourceNotFoundException","message":"none"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, keys };
}

it('signs each call for its groups, and none for others', async () => {
  const { server, endpoint, keys } = await startSigned();
  const account = sdkAwsAccount(clock);
  const target: GroupTarget = {
    groupId: 'shop.orders',
    region: 'eu-west-1',
    stream: { name: 'orders' },
    endpoints: { kinesis: endpoint, dynamodb: endpoint },
    table: 'positions',
  };
  const { signal } = new AbortController();
  const calls = async (aws: AwsAccount, at: GroupTarget) => {
    keys.length = 0;
    await aws
      .streamClient(at)
      .describe()
      .catch(() => {});
    await aws
      .streamConsumers(at)
      .find('arn', 'a', { signal })
      .catch(() => {});
    await aws
      .tableAdmin(at)
      .describe()
      .catch(() => {});
    await aws.leaseTable(at, signal).catch(() => {});
    await aws.groupIds(at, { limit: 1, signal }).catch(() => {});
    return [...new Set(keys)];
  };
  try {
    expect(await calls(account, target)).toEqual(['own']);
    expect(await calls(account, { ...target, role })).toEqual(['key-1']);
    // As another namespace may: with an external id of its own.
    const other = { ...role, externalId: 'kcg/cluster-1/other' };
    sts.roles.set(role.arn, other.externalId);
    expect(await calls(account, { ...target, role: other })).toEqual(['key-2']);
    expect(await calls(account, target)).toEqual(['own']);
    expect(keys.length).toBeGreaterThan(3);
  } finally {
    account.close();
    server.close();
    server.closeAllConnections();
  }
});

it('that is refused is told with what both sides have to allow', async () => {
  const account = sdkAwsAccount(clock);
  sts.roles.set(role.arn, 'another');
  const target = {
    groupId: 'a',
    region: 'eu-west-1',
    stream: { name: 'a' },
    endpoints: {},
    table: 'a',
    role,
  };
  try {
    await expect(account.streamClient(target).describe()).rejects.toMatchObject({
      code: 'Credentials',
      message: expect.stringMatching(
        /^kinesis:DescribeStreamSummary was not tried, .*: STS did not give arn:aws:iam::222222222222:role\/kcg-shop: /,
      ),
      fix: "Let the trust policy of arn:aws:iam::222222222222:role/kcg-shop allow sts:AssumeRole to the operator's role with sts:ExternalId kcg/cluster-1/shop, and a policy of the operator's role, too.",
    });
  } finally {
    account.close();
  }
});

it('that STS is silent about is told as that', async () => {
  const asked = Promise.withResolvers<void>();
  const silent = createServer(() => asked.resolve());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  const account = sdkAwsAccount(clock);
  const at = { groupId: 'a', region: 'eu-west-1', stream: { name: 'a' }, endpoints: {}, table: 'a', role };
  try {
    const told = expect(account.streamClient(at).describe()).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('there are no credentials yet: STS has not answered in 1500 ms'),
    });
    await asked.promise;
    await clock.advance(1_500);
    await told;
  } finally {
    account.close();
    silent.close();
    silent.closeAllConnections();
  }
});
