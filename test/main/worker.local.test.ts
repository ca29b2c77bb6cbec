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
  await createStream(kinesis.kinesis, 'fatal', 1);
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  await createTable(client, 'checkpoints');
  client.destroy();
});
afterEach(() => dynamodb.fail());
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  vi.unstubAllEnvs();
});

function configOf(
  handler: WorkerConfig['handler'],
  groupId = 'shop.orders',
  more: Partial<WorkerConfig> = {},
): string {
  return encodeWorkerConfig(
    aWorkerConfig({ kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint }, { groupId, handler, ...more }),
  );
}

/** A process of its own; resolves with what it ended with and what it said. */
function runProcess(config: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [KCG, 'worker', '--port=0', '--host=127.0.0.1'], {
    env: {
      PATH: process.env['PATH'],
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
      KCG_POD_NAME: 'pod-1',
      [WORKER_CONFIG_ENV]: config,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const code = new Promise<number | null>((done) => child.once('close', done));
  return { child, code, stderr: text(child.stderr) };
}

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function shardRow(groupId: string) {
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  const key = { group_id: { S: groupId }, shard_id: { S: 'shardId-000000000000' } };
  const { Item } = await client.send(new GetItemCommand({ TableName: 'checkpoints', Key: key }));
  client.destroy();
  return Item;
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
    const folder = aFolder();
    const path = join(folder, 'handler.mjs');
    const lastWords = join(folder, 'termination-log');
    writeFileSync(lastWords, '');
    writeFileSync(
      path,
      "export default async ({ records }) => {\n  records.forEach(async (record) => {\n    await null;\n    throw new TypeError('no such order');\n  });\n};\n",
    );
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('1') });
    const { code, stderr } = runProcess(configOf({ type: 'module', path }, 'shop.unawaited'), {
      KCG_LAST_WORDS: lastWords,
    });
    expect(await code).toBe(1);
    const words =
      /work that the handler did not await failed: TypeError: no such order \(\S+handler\.mjs:4\) \(shard shardId-000000000000\)\. What is part of a batch/;
    expect(await stderr).toMatch(words);
    expect(readFileSync(lastWords, 'utf8')).toMatch(words);
    expect((await shardRow('shop.unawaited'))?.['sequence']).toEqual({ S: 'TRIM_HORIZON' });
  });
});

describe('a module that takes its worker with it on some records', () => {
  it('gets the others, once its worker has begun anew a few times', async () => {
    const folder = aFolder();
    const [path, told] = [join(folder, 'handler.mjs'), join(folder, 'told')];
    writeFileSync(
      path,
      `import { appendFileSync } from 'node:fs';
export default ({ records: [record] }) => {
  const text = Buffer.from(record.data).toString();
  appendFileSync(${JSON.stringify(told)}, text + ' ');
  if (text === 'exits') process.exit(3);
  if (text === 'loops') for (;;);
};
`,
    );
    writeFileSync(told, '');
    const words = () => readFileSync(told, 'utf8').trim().split(' ');
    for (const word of ['1', 'exits', '2', 'loops', '3'])
      kinesis.kinesis.putRecord('fatal', { partitionKey: 'a', data: Buffer.from(word) });
    const config = configOf({ type: 'module', path }, 'shop.fatal', {
      stream: { name: 'fatal' },
      batchSize: 1,
      retry: { maxAttempts: 0, maxRecordAgeMs: -1, bisectOnError: false },
    });
    let lives = 0;
    while (!words().includes('3') && lives < 20) {
      lives += 1;
      const { child, code } = runProcess(config);
      // As the kubelet does when nothing answers its probe any more.
      const { length: before } = words();
      const watching = setInterval(() => {
        if (words().slice(before).includes('loops')) child.kill('SIGKILL');
      }, 100);
      const isOver = vi.waitUntil(() => words().includes('3'), { timeout: 120_000, interval: 50 });
      await Promise.race([code, isOver.catch(() => {})]);
      clearInterval(watching);
      if (words().includes('3')) {
        child.kill('SIGTERM');
        expect(await code).toBe(0);
      }
    }
    expect(new Set(words())).toEqual(new Set(['1', 'exits', '2', 'loops', '3']));
    expect(await shardRow('shop.fatal')).toMatchObject({ given_up: { N: '2' } });
    // Two that prove nothing, one that may not have called it, and one a record that counts.
    expect(lives).toBeLessThanOrEqual(12);
  });
});
