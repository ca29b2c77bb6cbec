import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { sdkClient } from '../dev/sdk-client.ts';
import { createStream } from '../support/local-table.ts';

/* Programs that use kcg/runtime, as processes. */

const RUNTIME = new URL('../../src/main/runtime.ts', import.meta.url).href;
const PATIENCE = { timeout: 120_000, interval: 20 };
const folder = mkdtempSync(join(tmpdir(), 'kcg-library-'));
let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;

beforeAll(async () => {
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
});
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  rmSync(folder, { recursive: true });
});

interface Program {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | NodeJS.Signals | null>;
}

/** A program with these options beside the usual ones; it prints the number in each record once it is processed. */
function start(name: string, stream: string, options: string, env: NodeJS.ProcessEnv = {}): Program {
  const endpoints = JSON.stringify({ kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint });
  const file = join(folder, `${name}.mjs`);
  writeFileSync(
    file,
    `import { Worker } from '${RUNTIME}';
let asked = 0;
const worker = new Worker({
  groupId: 'shop.${stream}', stream: { name: '${stream}' }, region: 'eu-west-1', endpoints: ${endpoints},
  name: '${name}', table: { name: '${stream}', create: true }, leases: { durationSeconds: 5 },
  consumer: { pollIntervalMillis: 200 }, checkpoints: { intervalSeconds: 1 }, batchSize: 10,
  handler: async ({ records }) => records.forEach((record) => console.log('done', record.json())),
  ${options}
});
worker.on('WorkerLive', () => console.log('live'));
worker.on('ShardStarted', ({ shardId }) => console.log('owns', shardId));
process.once('SIGTERM', () => worker.stop());
await worker.run().catch(({ code, message }) => { console.log(code, message); process.exitCode = 1; });
`,
  );
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env['PATH'], HOME: folder, AWS_EC2_METADATA_DISABLED: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += String(part)));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal)),
  );
  return { child, output: () => output, ended };
}

const says = (program: Program, line: RegExp) =>
  vi.waitFor(() => expect(program.output()).toMatch(line), PATIENCE);
const numbersOf = (program: Program) =>
  [...program.output().matchAll(/^done (\d+)$/gm)].map(([, number]) => Number(number));
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

let put = 0;
async function putRecords(stream: string, count: number): Promise<void> {
  const Records = Array.from({ length: count }, () => {
    put += 1;
    return { PartitionKey: `key-${put}`, Data: Buffer.from(String(put)) };
  });
  await sdkClient(kinesis.endpoint).send(new PutRecordsCommand({ StreamName: stream, Records }));
}

it('one that is killed is taken over by another, which delivers all that was not processed', async () => {
  await createStream(kinesis.kinesis, 'killed', 4);
  const env = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  // It hangs on one record: what it has not processed is known.
  const hang = `handler: async ({ records }) => {
    for (const record of records) {
      if (record.json() === 13) await new Promise(() => setInterval(() => {}, 1_000_000));
      console.log('done', record.json());
    }
  },`;
  put = 0;
  const first = start('first', 'killed', hang, env);
  await says(first, /live/);
  const owned = () => new Set(first.output().match(/^owns .+$/gm));
  await vi.waitFor(() => expect(owned().size).toBe(4), PATIENCE);
  await putRecords('killed', 40);
  // All but those of the shard that hangs.
  await vi.waitFor(() => expect(numbersOf(first).length).toBeGreaterThan(20), PATIENCE);
  first.child.kill('SIGKILL');
  expect(await first.ended).toBe('SIGKILL');
  expect(numbersOf(first)).not.toContain(13);

  // No lease of its own runs out, however busy the machine is: so nothing comes twice.
  const second = start('second', 'killed', 'leases: { durationSeconds: 30 },', env);
  await vi.waitFor(
    () => expect(new Set([...numbersOf(first), ...numbersOf(second)])).toEqual(new Set(upTo(40))),
    PATIENCE,
  );
  expect(numbersOf(second)).toContain(13);
  await putRecords('killed', 10);
  await vi.waitFor(() => expect(numbersOf(second)).toEqual(expect.arrayContaining([41, 50])), PATIENCE);
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
  expect(numbersOf(second)).toHaveLength(new Set(numbersOf(second)).size);
});

/** In front of a server: the access keys that calls were signed with. */
async function startKeyReader(target: string, keys: Set<string>): Promise<string> {
  const server = createServer((incoming, response) => {
    const [, key] = /Credential=([^/]+)\//.exec(incoming.headers.authorization ?? '') ?? [];
    keys.add(`${key ?? 'none'} ${String(incoming.headers['x-amz-security-token'])}`);
    const { method, headers } = incoming;
    const outgoing = request(target, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('one with a credentials provider of its own signs every call with its keys, and asks again before they end', async () => {
  await createStream(kinesis.kinesis, 'signed', 1);
  const [ofKinesis, ofDynamoDb] = [new Set<string>(), new Set<string>()];
  const endpoints = JSON.stringify({
    kinesis: await startKeyReader(kinesis.endpoint, ofKinesis),
    dynamodb: await startKeyReader(dynamodb.endpoint, ofDynamoDb),
  });
  const program = start(
    'signed',
    'signed',
    // The first keys end at once; the first question fails.
    `endpoints: ${endpoints},
  credentials: async () => {
    console.log('asked', asked += 1);
    if (asked === 1) throw new Error('the vault is sealed');
    const [at, expiration] = asked < 4 ? [asked, new Date(Date.now())] : ['last', new Date(Date.now() + 3_600_000)];
    return { accessKeyId: 'KEY-' + at, secretAccessKey: 'secret', sessionToken: 'token-' + at, expiration };
  },`,
    { AWS_ACCESS_KEY_ID: 'of-the-environment', AWS_SECRET_ACCESS_KEY: 'b' },
  );
  await says(program, /live/);
  put = 0;
  await putRecords('signed', 3);
  await says(program, /done 3/);
  await says(program, /asked 4/);
  // Each service is asked with the last keys before the program ends.
  for (const keys of [ofKinesis, ofDynamoDb])
    await vi.waitFor(() => expect(keys).toContain('KEY-last token-last'), PATIENCE);
  program.child.kill('SIGTERM');
  expect(await program.ended).toBe(0);
  expect(program.output()).toContain("the program's credentials provider failed: the vault is sealed");
  for (const key of [...ofKinesis, ...ofDynamoDb]) expect(key).toMatch(/^KEY-(\w+) token-\1$/);
});
