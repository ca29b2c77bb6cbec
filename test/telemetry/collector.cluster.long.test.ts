import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Site } from '../operator/operator-process.ts';
import { aWorkerConfig } from '../support/builders.ts';
import { controlPlaneProblem } from '../support/control-plane.ts';
import { createStream, createTable } from '../support/local-table.ts';
import { startProgram, type PeerProgram } from '../support/peer-programs.ts';
import { until } from '../support/until.ts';
import { startCollector, type Collector } from './collector.ts';
import { KCG } from '../support/kcg-program.ts';

/* Worker and operator as processes of their own, and the receiver of OpenTelemetry's Collector as another. */

const region = 'eu-west-1';
/** Fails the first batch that it gets, and writes which trace it was told. */
const HANDLER = `
import { appendFileSync } from 'node:fs';
let calls = 0;
export default async ({ records }, { traceparent }) => {
  appendFileSync(new URL('traces', import.meta.url), traceparent + ' ' + records.length + '\\n');
  if (calls++ === 0) throw new Error('not yet');
};
`;

let collector: Collector;
let dynamodb: LocalDynamoDb;
let kinesis: LocalKinesis;

beforeAll(async () => {
  collector = await startCollector();
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
  await createStream(kinesis.kinesis, 'orders', 2);
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  await createTable(client, 'checkpoints');
  client.destroy();
});
afterAll(async () => {
  await collector?.stop();
  await kinesis?.close();
  await dynamodb?.close();
  vi.unstubAllEnvs();
});

interface RunningWorker {
  program: PeerProgram;
  metrics: () => Promise<string>;
  /** What the handler was told: the trace and how many records, a line for each call. */
  told: () => Promise<string[]>;
}

async function startWorker(
  groupId: string,
  env: NodeJS.ProcessEnv,
  otlpEndpoint?: string,
): Promise<RunningWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-worker-'));
  const path = join(folder, 'handler.mjs');
  await writeFile(path, HANDLER);
  const config = encodeWorkerConfig(
    aWorkerConfig(
      { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
      {
        groupId,
        checkpointIntervalMs: 1_000,
        // None runs out, however busy the machine is: so nothing comes twice.
        leaseDurationMs: 60_000,
        handler: { type: 'module', path },
        otlpEndpoint,
      },
    ),
  );
  const argv = [process.execPath, KCG, 'worker', '--port=0', '--host=127.0.0.1', `--pod-name=${groupId}-1`];
  const program = startProgram(argv, {
    env: { ...LOCAL_CREDENTIALS, [WORKER_CONFIG_ENV]: config, KCG_POD_UID: `uid-of-${groupId}`, ...env },
  });
  onTestFinished(() => program.stop());
  const [, port] = await program.says(/"port":(\d+).*"message":"listening"/);
  return {
    program,
    metrics: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    told: async () =>
      (await readFile(join(folder, 'traces'), 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== ''),
  };
}

function put(records: number): void {
  for (let i = 0; i < records; i += 1)
    kinesis.kinesis.putRecord('orders', { partitionKey: `key-${i}`, data: Buffer.from(`${i}`) });
}

/** Without what moves by itself, and without what has no series: there is nothing to send of it. */
function steady(lines: readonly string[]): string[] {
  const moving = /kcg_\w*(lag|age|failing)_seconds|kcg_worker_(table_requests|shards)/;
  const series = lines.filter((line) => line.startsWith('kcg_')).map((line) => /^\w+/.exec(line)![0]);
  const names = new Set(series.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  return lines.filter((line) => {
    if (!line.includes('kcg_') || moving.test(line)) return false;
    return !line.startsWith('#') || names.has(line.split(' ')[2]!);
  });
}

test('the Collector gets what a worker serves to Prometheus, and a span for each batch', async () => {
  const worker = await startWorker('shop.orders', {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_METRIC_EXPORT_INTERVAL: '200',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  put(30);
  const records = async () =>
    (await worker.told()).slice(1).reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
  await until('all records are processed', async () => (await records()) === 30, 300, worker.told);
  const same = async () => {
    const served = (await worker.metrics()).split('\n');
    expect(steady(collector.metrics('shop.orders-1'))).toEqual(steady(served));
  };
  await vi.waitFor(same, { timeout: 300_000, interval: 500 });
  const lag = /^kcg_worker_lag_seconds\{shard="shardId-000000000001"\} /;
  expect(collector.metrics('shop.orders-1').filter((line) => lag.test(line))).toHaveLength(1);

  const told = await worker.told();
  const ofGroup = () =>
    collector
      .spans()
      .filter(({ attributes }) => attributes['messaging.consumer.group.name'] === 'shop.orders');
  await until('a span for each call', () => ofGroup().length === told.length);
  const spans = ofGroup();
  expect(spans.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).toSorted()).toEqual(
    told.map((line) => line.slice(0, line.indexOf(' '))).toSorted(),
  );
  for (const span of spans) {
    expect(span).toMatchObject({
      name: 'process orders',
      kind: 5,
      attributes: {
        'messaging.system': 'aws.kinesis',
        'messaging.destination.name': 'orders',
        'messaging.destination.partition.id': expect.stringMatching(/^shardId-00000000000[01]$/),
      },
      resource: {
        'service.name': 'kcg-worker',
        'service.instance.id': 'shop.orders-1',
        'k8s.pod.uid': 'uid-of-shop.orders',
        'deployment.environment.name': 'test',
        'messaging.consumer.group.name': 'shop.orders',
      },
    });
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    expect(span.parentSpanId ?? '').toBe('');
  }
  const failed = spans.filter(({ status }) => status.code === 2);
  expect(failed).toMatchObject([
    {
      status: { message: expect.stringContaining('not yet') },
      attributes: { 'error.type': 'HandlerFailed', 'kcg.attempt': 1 },
    },
  ]);
  const counts = spans
    .filter(({ status }) => status.code !== 2)
    .map(({ attributes }) => Number(attributes['messaging.batch.message_count']));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30);
  await worker.program.stop();
});

test('the endpoint that the operator gives is used, and what is left goes out after a SIGTERM', async () => {
  const worker = await startWorker('shop.last', { OTEL_BSP_SCHEDULE_DELAY: '600000' }, collector.endpoint);
  put(5);
  await until('records are processed', async () => (await worker.told()).length > 1);
  await until('both shards are its own', async () => /^kcg_worker_shards 2$/m.test(await worker.metrics()));
  const ofGroup = () =>
    collector.spans().filter(({ attributes }) => attributes['messaging.consumer.group.name'] === 'shop.last');
  expect(ofGroup()).toEqual([]);
  await worker.program.stop('SIGTERM');
  expect(worker.program.child.exitCode).toBe(0);
  await until('its spans', async () => ofGroup().length === (await worker.told()).length);
  const last = () => collector.metrics('shop.last-1').join('\n');
  await until('its last metrics', () =>
    last().includes('kcg_worker_ownership_changes_total{change="stopped",reason="Released"} 2'),
  );
});

describe.skipIf(controlPlaneProblem() !== undefined)('the operator', () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.open();
  });
  afterAll(() => site?.close());

  test('sends what it serves, names the collector to workers, and says at its end that it leads no more', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.endpoint);
    vi.stubEnv('OTEL_METRIC_EXPORT_INTERVAL', '500');
    site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
    await site.apply(
      'apiVersion: kcg.dev/v1alpha1\n' +
        'kind: KinesisConsumerGroup\n' +
        'metadata: {name: orders, namespace: default}\n' +
        'spec: {stream: {name: orders}, region: eu-west-1, handler: {log: {}}}\n',
    );
    const about = ['--pod-name', 'kcg-1', '--worker-otlp-endpoint', collector.endpoint];
    const operator = await site.startOperator(...about).works();
    await vi.waitFor(async () => expect(await site.replicas('orders', 'default')).toBe(1), 300_000);

    const { port } = await operator.says('operator started');
    const served = async () =>
      (await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text()).split('\n');
    const same = async () => expect(seriesOf(collector.metrics('kcg-1'))).toEqual(seriesOf(await served()));
    await vi.waitFor(same, { timeout: 300_000, interval: 500 });
    expect(seriesOf(await served()).length).toBeGreaterThan(30);
    expect(collector.metrics('kcg-1')).toContain('kcg_operator_leading 1');
    expect(collector.spans().map(({ resource }) => resource['service.name'])).not.toContain('kcg-operator');

    const deployment = await site.get<{ spec: unknown }>('deployment', 'orders-worker', 'default');
    expect(JSON.stringify(deployment?.spec)).toContain(`\\"otlpEndpoint\\":\\"${collector.endpoint}\\"`);

    expect(await operator.end('SIGTERM')).toBe(0);
    await vi.waitFor(() => expect(collector.metrics('kcg-1')).toContain('kcg_operator_leading 0'), 300_000);
  });
});

/** Names, labels, help and types; what the operator does meanwhile is in the values. */
function seriesOf(lines: readonly string[]): string[] {
  const series = lines
    .filter((line) => line.startsWith('kcg_'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
  const names = new Set(series.map((name) => /^\w+/.exec(name)![0].replace(/_(bucket|sum|count)$/, '')));
  const said = lines.filter((line) => line.startsWith('#') && names.has(line.split(' ')[2]!));
  return [...said, ...series].toSorted((a, b) => (a < b ? -1 : 1));
}
