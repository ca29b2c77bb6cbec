import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { PutRecordCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog } from '../src/lib/log.ts';
import { sdkClient } from './dev/sdk-client.ts';
import { createStream } from './support/local-table.ts';

const docs = readFileSync(join(import.meta.dirname, '../docs/library.md'), 'utf8');
const blocks = [...docs.matchAll(/```ts\n([^]*?)```/g)].map(([, block]) => block!);
const folder = mkdtempSync(join(tmpdir(), 'kcg-library-'));
let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;

beforeAll(async () => {
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
  await createStream(kinesis.kinesis, 'orders', 1);
  const client = sdkClient(kinesis.endpoint);
  for (const n of [1, 2, 3])
    await client.send(
      new PutRecordCommand({ StreamName: 'orders', PartitionKey: 'a', Data: Buffer.from(`{"n":${n}}`) }),
    );
});
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  rmSync(folder, { recursive: true });
});

/** What the blocks take for given. */
const GIVEN = `
const save = async ({ n }) => console.log('saved', n);
const saveAll = async (orders) => orders.length > 0 && console.log('saved', ...orders.map(({ n }) => n));
const isEnough = () => true;
`;

/** The page's program, on the local servers, until it has printed `line`. */
async function runs(name: string, code: string, line: string, signal?: NodeJS.Signals): Promise<string> {
  const { href } = new URL('../src/main/runtime.ts', import.meta.url);
  const endpoints = JSON.stringify({ kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint });
  const program = code
    .replaceAll("'kcg/runtime'", `'${href}'`)
    .replace("region: 'eu-west-1',", `region: 'eu-west-1', endpoints: ${endpoints},`);
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, program.replace(/^(import .*)$/m, `$1${GIVEN}`));
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await vi.waitFor(() => expect(output).toContain(line), { timeout: 120_000, interval: 20 });
  if (signal) child.kill(signal);
  expect(await ended, output).toBe(0);
  return output;
}

it('the program that takes batches runs as written, and drains at SIGTERM', async () => {
  const output = await runs('batches', blocks[0]!, 'saved 3', 'SIGTERM');
  expect(output.match(/saved \d/g)).toEqual(['saved 1', 'saved 2', 'saved 3']);
});

it('the class and the events run as written', async () => {
  const events = blocks[3]!;
  const code = `${blocks[1]!}\n${events}\nprocess.once('SIGTERM', () => worker.stop());`;
  const output = await runs(
    'class',
    code.replace('await worker.start();', '').concat('await worker.start();'),
    'saved 1 2 3',
    'SIGTERM',
  );
  expect(output).toContain('shardId-000000000000');
  expect(output).toContain('kcg_worker_shards');
});

it('the program that takes records runs as written', async () => {
  const output = await runs('records', blocks[2]!, 'saved 1');
  expect(output.match(/saved \d/g)).toEqual(['saved 1']);
});
