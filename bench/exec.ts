import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { WORKER_CONFIG_ENV } from '../src/api/worker-config.ts';
import { startLocalDynamoDb } from '../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../src/kinesis/memory/stream.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { cpuSeconds } from '../test/support/cpu-time.ts';
import { mavenClassPath, pythonSource } from '../test/support/peer-programs.ts';
import { spread } from './figures.ts';

/*
 * How many records a CPU-second brings to a program of the MultiLang protocol: through kcg's worker, and through KCL's
 * MultiLangDaemon in Java, with the same Python program and server, in turn. From a fifth of the records on, so that neither is
 * told for how it starts.
 */

const SHARDS = 4;
const RECORDS = 160_000;
const BYTES = 1_000;
const FOLDER = join(import.meta.dirname, 'exec');
const CLI = join(import.meta.dirname, '../src/main/cli.ts');
const KEYS = {
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_EC2_METADATA_DISABLED: 'true',
};

interface Servers {
  kinesis: string;
  dynamodb: string;
}

interface Figures {
  /** Thousand records per CPU-second of worker or daemon alone, and of it with its programs. */
  alone: number;
  together: number;
}

export async function exec(runs: number, print: (line: string) => void): Promise<void> {
  if (!hasJava()) return print('there is no Java here, and so nothing to compare with');
  const source = await pythonSource('amazon_kclpy', '3.2.0');
  const classPath = await mavenClassPath(join(FOLDER, 'pom.xml'));
  const readers: [string, (servers: Servers, env: NodeJS.ProcessEnv) => Promise<ChildProcess>][] = [
    ['KCL MultiLangDaemon 3.1.3', async (servers, env) => startDaemon(servers, classPath, env)],
    ['kcg worker', startWorker],
  ];
  const figures = new Map<string, Figures[]>(readers.map(([name]) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const [name, start] of readers) figures.get(name)!.push(await measure(source, start));
  }
  print(`${SHARDS} shards, records of ${BYTES} B, a Python program: thousand records per CPU-second`);
  const java = figures.get(readers[0]![0])!;
  for (const [name, all] of figures) {
    for (const what of ['alone', 'together'] as const) {
      const label = what === 'alone' ? name : '  with its programs';
      print(
        `  ${label.padEnd(28)} ${spread(
          all.map((each) => each[what]),
          'k',
          1,
        )}`,
      );
      const ratios = all.map((each, run) => each[what] / java[run]![what]);
      if (all !== java) print(`    ${'against the daemon'.padEnd(26)} ${spread(ratios, 'times', 2)}`);
    }
  }
}

async function measure(
  source: string,
  start: (servers: Servers, env: NodeJS.ProcessEnv) => Promise<ChildProcess>,
): Promise<Figures> {
  const counts = mkdtempSync(join(tmpdir(), 'kcg-exec-'));
  const kinesis = await startLocalKinesis({
    kinesis: new MemoryKinesis({ clock, limits: false, transitionMs: 0 }),
    log,
  });
  const dynamodb = await startLocalDynamoDb({ clock, log });
  fill(kinesis.kinesis);
  const servers = { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint };
  const env = { ...process.env, ...KEYS, PYTHONPATH: source, COUNTS: counts, AWS_REGION: 'us-east-1' };
  const reader = await start(servers, env);
  try {
    const pid = reader.pid!;
    const before = await until(counts, reader, RECORDS / 5);
    const at = used(pid);
    const after = await until(counts, reader, RECORDS);
    const spent = used(pid);
    const thousands = (after - before) / 1_000;
    return {
      alone: thousands / (spent.alone - at.alone),
      together: thousands / (spent.together - at.together),
    };
  } finally {
    reader.kill('SIGKILL');
    await Promise.all([kinesis.close(), dynamodb.close()]);
    rmSync(counts, { recursive: true });
  }
}

function fill(kinesis: Awaited<ReturnType<typeof startLocalKinesis>>['kinesis']): void {
  kinesis.createStream({ name: 'orders', shardCount: SHARDS });
  const data = Buffer.alloc(BYTES, 'x');
  for (let i = 0; i < RECORDS; i += 1) kinesis.putRecord('orders', { partitionKey: `key-${i}`, data });
}

async function startWorker(servers: Servers, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const client = new DynamoDBClient({
    endpoint: servers.dynamodb,
    region: 'us-east-1',
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  });
  const names = ['group_id', 'shard_id'];
  await client.send(
    new CreateTableCommand({
      TableName: 'checkpoints',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    }),
  );
  client.destroy();
  const config = {
    groupId: 'bench.orders',
    stream: { name: 'orders' },
    region: 'us-east-1',
    endpoints: servers,
    table: 'checkpoints',
    initialPosition: { type: 'TrimHorizon' },
    maxRecords: 10_000,
    pollIntervalMs: 200,
    checkpointIntervalMs: 5_000,
    leaseDurationMs: 15_000,
    handoffTimeoutMs: 30_000,
    maxLeases: 0,
    handler: { type: 'exec', command: ['python3', join(FOLDER, 'program.py')] },
    batchSize: 10_000,
    batchWindowMs: 0,
    parallelizationFactor: 1,
    handlerTimeoutMs: 900_000,
    retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
  };
  return started([process.execPath, CLI, 'worker', '--port', '0'], {
    ...env,
    [WORKER_CONFIG_ENV]: JSON.stringify(config),
  });
}

function startDaemon(servers: Servers, classPath: string, env: NodeJS.ProcessEnv): ChildProcess {
  const properties = join(env['COUNTS']!, '..', `kcg-exec-${process.pid}.properties`);
  const lines = {
    executableName: `python3 ${join(FOLDER, 'program.py')}`,
    streamName: 'orders',
    applicationName: 'bench',
    AwsCredentialsProvider: 'DefaultCredentialsProvider',
    processingLanguage: 'python/3',
    initialPositionInStream: 'TRIM_HORIZON',
    regionName: 'us-east-1',
    kinesisEndpoint: servers.kinesis,
    dynamoDBEndpoint: servers.dynamodb,
    retrievalMode: 'POLLING',
    idleTimeBetweenReadsInMillis: '200',
    metricsLevel: 'NONE',
  };
  writeFileSync(
    properties,
    Object.entries(lines)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  );
  const daemon = 'software.amazon.kinesis.multilang.MultiLangDaemon';
  return started(['java', '-cp', classPath, daemon, '--properties-file', properties], env);
}

function started([program = '', ...args]: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const output = process.env['KCG_BENCH_OUTPUT'] === undefined ? 'ignore' : 'inherit';
  return spawn(program, args, { env, stdio: ['ignore', output, output] });
}

/** How many its programs have had, once it is as many. @throws when it ends before */
async function until(counts: string, reader: ChildProcess, wanted: number): Promise<number> {
  for (;;) {
    const files = readdirSync(counts).filter((name) => !name.endsWith('.new'));
    const count = files.reduce((sum, name) => sum + Number(readFileSync(join(counts, name), 'utf8')), 0);
    if (count >= wanted) return count;
    if (reader.exitCode !== null) throw new Error(`${reader.spawnfile} ended with ${reader.exitCode}`);
    await setTimeout(20);
  }
}

/** CPU seconds of a process, and of it with its children. */
function used(pid: number): { alone: number; together: number } {
  const stat = (id: number | string) => readFileSync(`/proc/${id}/stat`, 'utf8');
  const alone = cpuSeconds(stat(pid));
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  const all = new Set(children.filter((id) => id !== ''));
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const id of readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
      if (id !== '') all.add(id);
  }
  const together = [...all].reduce((sum, id) => sum + cpuSeconds(stat(id)), alone);
  return { alone, together };
}

function hasJava(): boolean {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
