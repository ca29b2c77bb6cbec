import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counter, Registry } from 'prom-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openCertificate } from '../../src/dev/tls/certificate-files.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog, type Fields, type Log } from '../../src/lib/log.ts';
import { startTelemetry, type Telemetry } from '../../src/telemetry/opentelemetry/start.ts';
import { telemetrySettings } from '../../src/telemetry/settings.ts';
import { lastingPort } from '../support/lasting-port.ts';
import { until } from '../support/until.ts';
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts';

interface Started {
  telemetry: Telemetry;
  registry: Registry;
  lines: [message: string, fields: Fields | undefined][];
  value: (name: string) => Promise<number | undefined>;
}

function start(env: Record<string, string>): Started {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const lines: Started['lines'] = [];
  const note = (message: string, fields?: Fields) => void lines.push([message, fields]);
  const log: Log = { ...silentLog, info: note, warn: note };
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(7);
  const about = { 'service.name': 'kcg-worker', 'service.instance.id': 'orders-1' };
  const settings = telemetrySettings(env);
  expect(settings.problems).toEqual([]);
  const telemetry = startTelemetry({ settings, registry, about, version: '1.2.3', clock: systemClock, log });
  const value = async (name: string) =>
    (await registry.getMetricsAsJSON()).find((metric) => metric.name === name)?.values[0]?.value;
  return { telemetry, registry, lines, value };
}

async function receiver(port?: number): Promise<OtlpReceiver> {
  const started = await startOtlpReceiver(port);
  onTestFinished(() => started.close());
  return started;
}

const sentTo = ({ requests }: OtlpReceiver, path: string) =>
  requests.filter((request) => request.path === path);

test('sends as the variables say: headers, compression, service and resource', async () => {
  const { endpoint, requests } = await receiver();
  const { telemetry } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret%20one',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_SERVICE_NAME: 'shop-orders',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod',
  });
  telemetry.tracer?.startSpan('process orders').end();
  await telemetry.stop();
  expect(requests.map(({ path }) => path).toSorted()).toEqual(['/v1/metrics', '/v1/traces']);
  for (const { headers, body } of requests) {
    expect(headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      'api-key': 'secret one',
    });
    for (const text of ['shop-orders', 'orders-1', 'deployment.environment.name', 'prod', '1.2.3'])
      expect(body.includes(text), text).toBe(true);
    expect(body.includes('kcg-worker')).toBe(false);
  }
});

test('sends again and again what there is by then, and what is left at the end', async () => {
  const collector = await receiver();
  const { telemetry } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_METRIC_EXPORT_INTERVAL: '50',
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  });
  await until('two exports', () => sentTo(collector, '/v1/metrics').length >= 2);
  telemetry.tracer?.startSpan('the last batch').end();
  expect(sentTo(collector, '/v1/traces')).toEqual([]);
  await telemetry.stop();
  expect(sentTo(collector, '/v1/traces')[0]?.body.includes('the last batch')).toBe(true);
});

test('tells once that nobody takes it, counts what is lost, and tells once that it goes again', async () => {
  const port = await lastingPort();
  const { telemetry, lines, value } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '700', // less than it waits before it tries again
    OTEL_METRIC_EXPORT_INTERVAL: '50',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const lost = 'kcg_otlp_dropped_spans_total';
  expect(await value(lost)).toBe(0);
  for (let spans = 1; spans <= 3; spans += 1) {
    telemetry.tracer?.startSpan('lost').end();
    await until(`${spans} spans are lost`, async () => (await value(lost)) === spans);
  }
  await until('metrics have failed', () => lines.some(([message]) => message === 'metrics cannot be sent'));
  expect(await value('kcg_otlp_failing_seconds')).toBeGreaterThan(0);
  const collector = await receiver(port);
  await until('metrics came', () => sentTo(collector, '/v1/metrics').length > 1);
  // A machine that stands still for a second loses one more.
  const last = (signal: string) => lines.findLast(([message]) => message.startsWith(signal))?.[0];
  await until('both are sent again', () => {
    telemetry.tracer?.startSpan('found').end();
    return last('metrics') === 'metrics are sent again' && last('traces') === 'traces are sent again';
  });
  expect(sentTo(collector, '/v1/traces').length).toBeGreaterThan(0);
  await telemetry.stop();
  for (const signal of ['metrics', 'traces']) {
    const told = lines.map(([message]) => message).filter((message) => message.startsWith(signal));
    expect(told.join()).toMatch(new RegExp(`^(${signal} cannot be sent,${signal} are sent again,?)+$`));
  }
  expect(lines.find(([message]) => message === 'traces cannot be sent')?.[1]).toEqual({
    url: `http://127.0.0.1:${port}/v1/traces`,
    // A machine that takes longer than the timeout learns only that.
    error: expect.stringMatching(/ECONNREFUSED|timed out|timeout/i),
  });
  expect(await value('kcg_otlp_failing_seconds')).toBeUndefined();
});

test('holds no more spans than it may, and counts what comes beyond', async () => {
  const collector = await receiver();
  const { telemetry, value } = start({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint}/v1/traces`,
    OTEL_BSP_MAX_QUEUE_SIZE: '10',
    OTEL_BSP_SCHEDULE_DELAY: '600000',
  });
  for (let i = 0; i < 25; i += 1) telemetry.tracer?.startSpan('one of many').end();
  expect(await value('kcg_otlp_dropped_spans_total')).toBe(15);
  await telemetry.stop();
  const sent = sentTo(collector, '/v1/traces').map(
    ({ body }) => body.toString('latin1').split('one of many').length - 1,
  );
  expect(sent.reduce((sum, spans) => sum + spans, 0)).toBe(10);
});

test('trusts the certificates that a variable names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-otlp-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { caFile, ...tls } = await openCertificate(folder, systemClock.now());
  const collector = await startOtlpReceiver(0, tls);
  onTestFinished(() => collector.close());
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  const stranger = start(env);
  await stranger.telemetry.stop();
  expect(stranger.lines.find(([message]) => message === 'metrics cannot be sent')?.[1]).toMatchObject({
    error: expect.stringMatching(/certificate/),
  });
  expect(collector.requests).toEqual([]);
  await start({ ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: caFile }).telemetry.stop();
  expect(collector.requests.map(({ path }) => path)).toEqual(['/v1/metrics']);
});

test('tells how it was refused, as with a wrong key', async () => {
  const collector = await receiver();
  collector.answer(401);
  const { telemetry, lines, value } = start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  telemetry.tracer?.startSpan('refused').end();
  await telemetry.stop();
  expect(lines.find(([message]) => message === 'traces cannot be sent')?.[1]).toEqual({
    url: `${collector.endpoint}/v1/traces`,
    error: 'Unauthorized, 401',
  });
  expect(await value('kcg_otlp_dropped_spans_total')).toBe(1);
});

/** The answer of a collector that took a part; the messages of both signals are alike. */
function partialSuccess(rejected: number, words: string): Buffer {
  const text = Buffer.from(words);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, text.length]), text]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}

test('tells once what a collector says that takes a part only, and once that it takes all again', async () => {
  const collector = await receiver();
  const { telemetry, lines, value } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_METRIC_EXPORT_INTERVAL: '50',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const about = (signal: string) => lines.filter(([message]) => message.startsWith(signal));
  const lost = () => value('kcg_otlp_dropped_spans_total');
  collector.answer(200, partialSuccess(1, '1 of 9 too old'));
  telemetry.tracer?.startSpan('rejected').end();
  await until('a span is rejected', async () => (await lost()) === 1);
  // Metrics have 50 ms to be sent, which a busy machine may not give them each time.
  const isTold = (words: string) => about('metrics').some(([message]) => message.includes(words));
  await until('metrics are', () => isTold('rejected in part'));
  collector.answer(200, partialSuccess(2, '2 of 9 too old'));
  telemetry.tracer?.startSpan('rejected').end();
  await until('two more are', async () => (await lost()) === 3);
  collector.answer(200, partialSuccess(0, 'use gzip'));
  telemetry.tracer?.startSpan('taken').end();
  await until('a warning came', () => about('traces').length === 2);
  collector.answer(200, partialSuccess(0, ''));
  telemetry.tracer?.startSpan('taken').end();
  await until('spans are all taken', () => about('traces').length === 3);
  const metrics = { url: `${collector.endpoint}/v1/metrics`, rejected: expect.any(Number) };
  await until('metrics are', () => isTold('all taken'));
  await telemetry.stop();
  const url = `${collector.endpoint}/v1/traces`;
  expect(about('traces')).toEqual([
    ['traces are rejected in part', { url, rejected: 1, collector: '1 of 9 too old' }],
    ['traces are taken, with a warning', { url, rejected: 3, collector: 'use gzip' }],
    ['traces are all taken again', { url, rejected: 3 }],
  ]);
  expect(about('metrics')).toContainEqual(['metrics are all taken again', metrics]);
});

test('a collector that takes and never answers holds up no end', async () => {
  const silent = await startOtlpReceiver();
  onTestFinished(() => silent.close());
  const { telemetry } = start({
    OTEL_EXPORTER_OTLP_ENDPOINT: silent.endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
  });
  silent.hang();
  telemetry.tracer?.startSpan('for nobody').end();
  await telemetry.stop();
  expect(silent.requests).toHaveLength(2);
});
