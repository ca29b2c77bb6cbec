import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../src/api/worker-config.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { runWorkerCommand } from '../../src/main/worker.ts';
import { aWorkerConfig } from '../support/builders.ts';
import { createStream, createTable } from '../support/local-table.ts';
import { KCG } from '../support/kcg-program.ts';

const region = 'eu-west-1';
let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
  await createStream(kinesis.kinesis, 'orders', 1);
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  await createTable(client, 'checkpoints', ['group_id', 'shard_id']);
  client.destroy();
});
afterEach(() => dynamodb.fail());
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  vi.unstubAllEnvs();
});

function configOf(handler: WorkerConfig['handler'], groupId = 'shop.orders'): string {
  return encodeWorkerConfig(
    aWorkerConfig({ kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint }, { groupId, handler }),
  );
}

function run(stop: AbortSignal): Promise<number> {
  const config = configOf({ type: 'log' });
  const argv = ['--port=0', '--host=127.0.0.1', '--log-level=silent'];
  return runWorkerCommand(argv, { [WORKER_CONFIG_ENV]: config }, stop);
}

describe('a worker that starts', () => {
  it('tries again when its credentials are not accepted yet', async () => {
    let refused = 0;
    dynamodb.fail(() =>
      (refused += 1) > 2 ? undefined : { do: 'fail', type: 'UnrecognizedClientException', message: 'no' },
    );
    const stop = new AbortController();
    const running = run(stop.signal);
    await Promise.race([
      running,
      vi.waitFor(() => expect(dynamodb.counts.get('PutItem')).toBeGreaterThan(0), 120_000),
    ]);
    stop.abort();
    expect(await running).toBe(0);
    expect(refused).toBeGreaterThan(2);
  });

  it('ends at once when it may not use its table', async () => {
    dynamodb.fail(() => ({ do: 'fail', type: 'AccessDeniedException', message: 'no' }));
    await expect(run(new AbortController().signal)).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});

describe('a worker whose module does not await what fails', () => {
  it('ends at once, with nothing of it checkpointed, and leaves the reason', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kcg-worker-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'handler.mjs');
    const lastWords = join(folder, 'termination-log');
    writeFileSync(lastWords, '');
    writeFileSync(
      path,
      "export default async ({ records }) => {\n  records.forEach(async (record) => {\n    await null;\n    throw new TypeError('no such order');\n  });\n};\n",
    );
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('1') });
    const child = spawn(process.execPath, [KCG, 'worker', '--port=0'], {
      env: {
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_EC2_METADATA_DISABLED: 'true',
        [WORKER_CONFIG_ENV]: configOf({ type: 'module', path }, 'shop.unawaited'),
        KCG_LAST_WORDS: lastWords,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const code = new Promise<number | null>((done) => child.once('close', done));
    const stderr = await text(child.stderr);
    expect(await code).toBe(1);
    const words =
      /work that the handler did not await failed: TypeError: no such order \(\S+handler\.mjs:4\) \(shard shardId-000000000000\)\. What is part of a batch/;
    expect(stderr).toMatch(words);
    expect(readFileSync(lastWords, 'utf8')).toMatch(words);
    const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
    const key = { group_id: { S: 'shop.unawaited' }, shard_id: { S: 'shardId-000000000000' } };
    const { Item } = await client.send(new GetItemCommand({ TableName: 'checkpoints', Key: key }));
    client.destroy();
    expect(Item?.['sequence']).toEqual({ S: 'TRIM_HORIZON' });
  });
});
