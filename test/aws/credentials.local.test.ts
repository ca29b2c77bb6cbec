import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { awsCredentials } from '../../src/aws/credentials.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { awsStreamClient } from '../../src/kinesis/aws/stream-client.ts';
import { listGroupIds } from '../../src/leases/dynamodb/groups.ts';
import { startLocalSts, type LocalSts } from '../support/local-sts.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let folder: string;
let clock: VirtualClock;
let sts: LocalSts;
/** Of metadata: takes connections and says nothing. */
let silent: Server;
let silentHost: string;
let asked: Promise<unknown>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-'));
  clock = new VirtualClock(Date.now());
  sts = await startLocalSts();
  silent = createServer();
  asked = new Promise((resolve) => silent.on('request', resolve));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  silentHost = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  vi.stubEnv('AWS_PROFILE', undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => {
  sts.close();
  silent.close();
  silent.closeAllConnections();
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

/** As a rotation does it: never half a file. */
function writeKeys(key: string): void {
  const lines = ['[default]', `aws_access_key_id = ${key}`, 'aws_secret_access_key = secret', ''];
  writeFileSync(join(folder, 'new'), lines.join('\n'));
  renameSync(join(folder, 'new'), join(folder, 'credentials'));
}

function useWebIdentity(): void {
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder, 'token'));
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/reader');
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.endpoint);
  writeFileSync(join(folder, 'token'), 'first');
}

const keyOf = async (credentials: ReturnType<typeof awsCredentials>) => (await credentials()).accessKeyId;

describe('keys of a shared file', () => {
  it('are read again once the file has changed', async () => {
    const credentials = awsCredentials({ clock });
    writeKeys('old');
    expect(await keyOf(credentials)).toBe('old');
    writeKeys('new');
    expect(await keyOf(credentials)).toBe('old');
    await clock.advance(5_000);
    expect(await keyOf(credentials)).toBe('new');
  });

  it('stay while the file cannot be used, and change with the next one that can', async () => {
    const credentials = awsCredentials({ clock });
    writeKeys('old');
    expect(await keyOf(credentials)).toBe('old');
    writeFileSync(join(folder, 'credentials'), '[default]\naws_access_key_id = half');
    await clock.advance(5_000);
    expect(await keyOf(credentials)).toBe('old');
    writeKeys('new');
    await clock.advance(5_000);
    expect(await keyOf(credentials)).toBe('new');
  });
});

describe('both clients', () => {
  it('sign with the keys that are there now', async () => {
    const keys: (string | undefined)[] = [];
    const service = createServer(({ headers }, response) => {
      keys.push(/Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1]);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{}');
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const region = 'eu-west-1';
    const credentials = awsCredentials({ clock });
    const client = createDynamoDbClient({ region, endpoint, credentials });
    const stream = awsStreamClient({ streamName: 'orders', region, endpoint, credentials, clock });
    const callBoth = async () => {
      const options = { client, clock, tableName: 'checkpoints', principal: "the worker's role" };
      await listGroupIds(options, { limit: 1, consistent: true });
      await stream.listShards({ from: 'TRIM_HORIZON' });
    };
    for (const key of ['old', 'new']) {
      writeKeys(key);
      await clock.advance(5_000);
      await callBoth();
    }
    expect(keys).toEqual(['old', 'old', 'new', 'new']);
    client.destroy();
    stream.close();
    service.close();
  });
});

describe('credentials that end', () => {
  const minutes = (count: number) => count * 60_000;

  it('are fetched once for all who ask', async () => {
    useWebIdentity();
    sts.expiresAtMs = clock.now() + minutes(60);
    const credentials = awsCredentials({ clock });
    const keys = await Promise.all([keyOf(credentials), keyOf(credentials), keyOf(credentials)]);
    expect(keys).toEqual(['key-1', 'key-1', 'key-1']);
  });

  it('are renewed before, with the token that is there then', async () => {
    useWebIdentity();
    sts.expiresAtMs = clock.now() + minutes(60);
    const credentials = awsCredentials({ clock });
    await credentials();
    writeFileSync(join(folder, 'token'), 'second');
    await clock.advance(minutes(56));
    sts.expiresAtMs = clock.now() + minutes(60);
    expect(await keyOf(credentials)).toBe('key-2');
    expect(sts.tokens).toEqual(['first', 'second']);
  });

  it('serve until then when they cannot be renewed', async () => {
    useWebIdentity();
    sts.expiresAtMs = clock.now() + minutes(60);
    const credentials = awsCredentials({ clock });
    await credentials();
    vi.stubEnv('AWS_ENDPOINT_URL_STS', 'http://127.0.0.1:9');
    await clock.advance(minutes(56));
    expect(await keyOf(credentials)).toBe('key-1');
    await clock.advance(minutes(5));
    await expect(credentials()).rejects.toMatchObject({ name: 'CredentialsLookupError' });
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.endpoint);
    sts.expiresAtMs = clock.now() + minutes(60);
    expect(await keyOf(credentials)).toBe('key-2');
  });
});

describe('a call without credentials', () => {
  const reading = async () => {
    const client = createDynamoDbClient({
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:9',
      credentials: awsCredentials({ clock }),
    });
    const options = { client, clock, tableName: 'checkpoints', principal: "the worker's role" };
    return listGroupIds(options, { limit: 1, consistent: true }).finally(() => client.destroy());
  };

  it('says so at once', async () => {
    await expect(reading()).rejects.toMatchObject({
      code: 'Credentials',
      message: expect.stringMatching(/^dynamodb:Scan was not tried, as there are no credentials: /),
      fix: expect.stringContaining('eks.amazonaws.com/role-arn'),
    });
  });

  it('names a metadata service that does not answer', async () => {
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'false');
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', `http://${silentHost}`);
    const failed = expect(reading()).rejects.toMatchObject({
      code: 'Credentials',
      message: `dynamodb:Scan was not tried, as there are no credentials: the instance metadata service at ${silentHost} does not answer`,
      fix: expect.stringContaining('hop limit of 2'),
    });
    await asked;
    await clock.advance(1_500);
    await failed;
  });

  it('names STS when that does not answer, whatever endpoint the table has', async () => {
    useWebIdentity();
    vi.stubEnv('AWS_ENDPOINT_URL_STS', `http://${silentHost}`);
    const failed = expect(reading()).rejects.toMatchObject({
      code: 'Unavailable',
      message:
        'dynamodb:Scan was not tried, as there are no credentials yet: STS has not answered in 1500 ms',
    });
    await asked;
    await clock.advance(1_500);
    await failed;
  });

  it('names the host of STS when that cannot be reached', async () => {
    useWebIdentity();
    vi.stubEnv('AWS_ENDPOINT_URL_STS', 'http://127.0.0.1:7');
    await expect(reading()).rejects.toMatchObject({
      code: 'Unavailable',
      message:
        'dynamodb:Scan was not tried, as there are no credentials yet: 127.0.0.1:7 cannot be reached (ECONNREFUSED)',
      fix: expect.stringContaining('127.0.0.1:7 can be reached'),
    });
  });

  it('names the token that is not there', async () => {
    useWebIdentity();
    rmSync(join(folder, 'token'));
    await expect(reading()).rejects.toMatchObject({
      code: 'Credentials',
      message: expect.stringContaining('ENOENT'),
    });
  });
});
