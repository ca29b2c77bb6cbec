import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseGroup, type KinesisConsumerGroup } from '../../../src/api/group.ts';
import { assumedRole } from '../../../src/aws/assumed-role.ts';
import { awsCredentials } from '../../../src/aws/credentials.ts';
import { LOCAL_CREDENTIALS } from '../../../src/dev/local-mode.ts';
import { startLocalCluster, type LocalCluster } from '../../../src/dev/local-cluster.ts';
import { KINDS } from '../../../src/kubernetes/cluster.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLog } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { sdkAwsAccount } from '../../../src/main/operator/aws-account.ts';
import { startDynalite, startKinesisLocal } from '../../support/emulators.ts';
import { startMoto, type Emulator } from '../../support/moto.ts';
import { KCG } from '../../support/kcg-program.ts';
import { LET_IN, OTHER_ACCOUNT, otherAccountFront, THEIR_STREAM } from '../../support/other-account-front.ts';

type Keys = Awaited<ReturnType<ReturnType<typeof awsCredentials>>>;

const stream = 'orders';
const region = 'eu-west-1';
const table = 'kinesis-checkpoints-shop-orders';
const ref = { name: 'orders', namespace: 'shop' };
const ROLE = `arn:aws:iam::${OTHER_ACCOUNT}:role/kcg-shop`;

const HANDLER = `
import { appendFile } from 'node:fs/promises';
export default async ({ records }) => {
  await appendFile(process.env.DELIVERED, records.map(({ partitionKey }) => partitionKey + '\\n').join(''));
};
`;

let folder: string;
const lines: string[] = [];
let local: LocalCluster;
let clients: { kinesis: KinesisClient; dynamodb: DynamoDBClient };
let emulators: Emulator[];

interface Scene {
  /** In place of the emulators' own. */
  endpoints?: { kinesis: string; dynamodb: string };
  spec?: Record<string, unknown>;
  /** Of who has the stream, and of who has the table; default: the environment's. */
  streamKeys?: Keys;
  tableKeys?: Keys;
  /** Default: the environment's. */
  workerKeys?: Keys;
}

async function start(kinesis: Emulator, dynamodb: Emulator, scene: Scene = {}) {
  const { streamKeys, tableKeys, workerKeys } = scene;
  emulators = [kinesis, dynamodb];
  // The emulators speak HTTP/1.1 alone.
  const options = { region, requestHandler: new NodeHttpHandler() };
  const as = (credentials: Keys | undefined) => (credentials ? { ...options, credentials } : options);
  clients = {
    kinesis: new KinesisClient({ ...as(streamKeys), endpoint: kinesis.endpoint }),
    dynamodb: new DynamoDBClient({ ...as(tableKeys), endpoint: dynamodb.endpoint }),
  };
  await clients.kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 3 }));
  await waitUntilStreamExists(
    { client: clients.kinesis, maxWaitTime: 240, minDelay: 1 },
    { StreamName: stream },
  );
  local = startLocalCluster({
    clock: systemClock,
    random: systemRandom,
    log: createLog('warn', (line) => lines.push(line)),
    aws: sdkAwsAccount(systemClock),
    workerCommand: [...(workerKeys ? asWorker(workerKeys) : []), process.execPath, KCG, 'worker'],
    onWorkerLine: (pod, line) => lines.push(`${pod} ${line}\n`),
  });
  const annotations = { 'kcg.dev/aws-roles': ROLE };
  local.cluster.create(KINDS.namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: ref.namespace, annotations },
  });
  const { apiVersion, kind, spec } = group(scene.spec);
  const endpoints = scene.endpoints ?? { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint };
  const template = { spec: { containers: [{ name: 'app', image: 'local' }] } };
  const applied = { apiVersion, kind, metadata: ref, spec: { ...spec, endpoints, template } };
  await local.cluster.apply(KINDS.consumerGroup, applied, { fieldManager: 'kubectl', force: true });
}

function asWorker({ accessKeyId, secretAccessKey, sessionToken }: Keys): string[] {
  return [
    'env',
    `AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    `AWS_SESSION_TOKEN=${sessionToken}`,
  ];
}

function group(more: Record<string, unknown> = {}): KinesisConsumerGroup {
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: ref,
    spec: {
      stream: { name: stream },
      region,
      consumer: { type: 'Polling', pollIntervalMillis: 300, maxRecords: 20 },
      leases: { durationSeconds: 6 },
      scaling: { shardsPerWorker: 2 },
      checkpoints: { deletionPolicy: 'Delete', table: { deletionProtection: false, tags: { team: 'shop' } } },
      handler: { module: { path: join(folder, 'handler.mjs') } },
      ...more,
    },
  });
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  return parsed.group;
}

async function produce(prefix: string, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const Records = keys.map((PartitionKey) => ({ PartitionKey, Data: Buffer.from(PartitionKey) }));
  const { FailedRecordCount } = await clients.kinesis.send(
    new PutRecordsCommand({ StreamName: stream, Records }),
  );
  expect(FailedRecordCount ?? 0).toBe(0);
  return keys;
}

const delivered = async () => new Set((await readFile(join(folder, 'delivered'), 'utf8')).split('\n'));
const patient = { timeout: 300_000, interval: 500 };

async function expectDelivered(keys: readonly string[]) {
  await vi.waitFor(async () => {
    const seen = await delivered();
    expect(keys.filter((key) => !seen.has(key))).toEqual([]);
  }, patient);
}

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}
async function conditions(): Promise<Condition[]> {
  const found = await local.cluster.get(KINDS.consumerGroup, ref);
  return (found?.['status'] as { conditions?: Condition[] } | undefined)?.conditions ?? [];
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kcg-emulators-'));
  await writeFile(join(folder, 'handler.mjs'), HANDLER);
  await writeFile(join(folder, 'delivered'), '');
  lines.length = 0;
  vi.stubEnv('DELIVERED', join(folder, 'delivered'));
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(lines.slice(-60).join(''));
  try {
    await local?.stop();
  } finally {
    for (const client of Object.values(clients ?? {})) client.destroy();
    for (const { program } of emulators ?? []) await program.stop();
    vi.unstubAllEnvs();
  }
});

/** A group's life: made, fed, hurt, deleted. */
async function liveThrough(): Promise<void> {
  await expectDelivered(await produce('first', 100));
  await vi.waitFor(async () => {
    const ready = (await conditions()).find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'True' });
  }, patient);
  expect((await clients.dynamodb.send(new ListTablesCommand({}))).TableNames).toContain(table);
  const [victim] = local.pods.list();
  process.kill(victim!.pid!, 'SIGKILL');
  await expectDelivered(await produce('second', 100));
  await local.cluster.delete(KINDS.consumerGroup, ref);
  await vi.waitFor(async () => {
    expect(await local.cluster.get(KINDS.consumerGroup, ref)).toBeUndefined();
    const { TableNames } = await clients.dynamodb.send(new ListTablesCommand({}));
    expect(TableNames).not.toContain(table);
  }, patient);
}

describe('a group on emulators of others', { timeout: 1_200_000 }, () => {
  it('lives through its life on kinesis-local and dynalite', async () => {
    await start(await startKinesisLocal(), await startDynalite());
    await liveThrough();
  });

  it('lives through its life on moto, with its stream in another account', async () => {
    const moto = await startMoto();
    const front = await otherAccountFront(moto.endpoint);
    onTestFinished(() => front.close());
    await start(moto, moto, {
      endpoints: { kinesis: front.endpoint, dynamodb: moto.endpoint },
      spec: { stream: { arn: THEIR_STREAM } },
      streamKeys: await keysOfOther(moto),
    });
    await liveThrough();
    expect([...front.theirs].toSorted()).toEqual(LET_IN);
    expect([...front.own]).toEqual([]);
  });

  it('lives through its life on moto, with its stream and its table in the account of its role', async () => {
    const moto = await startMoto();
    const keys = await keysOfOther(moto);
    await start(moto, moto, {
      spec: { aws: { roleArn: ROLE } },
      streamKeys: keys,
      tableKeys: keys,
      workerKeys: keys,
    });
    await liveThrough();
  });
});

/** As moto tells accounts apart: by the role that the keys are of. */
async function keysOfOther(moto: Emulator): Promise<Keys> {
  emulators = [moto];
  vi.stubEnv('AWS_ENDPOINT_URL_STS', moto.endpoint);
  const role = { arn: ROLE, externalId: 'test', sessionName: 'test' };
  const credentials = awsCredentials({ clock: systemClock });
  const assumed = assumedRole({ clock: systemClock, region, role, credentials, principal: 'the test' });
  onTestFinished(() => assumed.close());
  return assumed.credentials();
}
