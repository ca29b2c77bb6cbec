import { DataPointType, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics';
import { Counter, Histogram as PromHistogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { OperatorMetrics } from '../../src/operator/operator-metrics.ts';
import { WorkerMetrics } from '../../src/runtime/worker-metrics.ts';
import { metricData } from '../../src/telemetry/opentelemetry/registry-metrics.ts';
import { metricText } from './metric-text.ts';

const TIMES = { startMs: 1_700_000_000_250, nowMs: 1_700_000_060_000 };

async function sentOf(registry: Registry): Promise<MetricData[]> {
  return metricData(await registry.getMetricsAsJSON(), TIMES);
}

const TYPES = {
  [DataPointType.SUM]: 'counter',
  [DataPointType.GAUGE]: 'gauge',
  [DataPointType.HISTOGRAM]: 'histogram',
} as const;

/** What was sent, in the format of /metrics. */
function asText(metrics: readonly MetricData[]): string[] {
  return metrics.flatMap(({ descriptor: { name, description: help }, dataPointType, dataPoints }) => {
    const points = dataPoints.map(({ attributes: labels, value }) => {
      if (typeof value === 'number') return { labels, value };
      const { buckets, sum, count } = value as Histogram;
      return { labels, value: { bounds: buckets.boundaries, counts: buckets.counts, sum: sum!, count } };
    });
    return metricText({ name, help, type: TYPES[dataPointType as keyof typeof TYPES], points });
  });
}

/** Without what has no series. */
async function servedOf(registry: Registry): Promise<string[]> {
  const blocks = (await registry.metrics()).split('\n\n').map((block) => block.trim().split('\n'));
  return blocks.filter((block) => block.length > 2).flat();
}

function busyWorker(): Registry {
  const metrics = new WorkerMetrics({
    clock: systemClock,
    lag: () => [
      ['shardId-000000000000', 1_500],
      ['shardId-000000000001', 0],
    ],
    checkpointAges: () => [['shardId-000000000000', 20]],
  });
  const started = { type: 'ShardStarted', shardId: 'shardId-000000000000', silentMs: 12_000 } as const;
  metrics.onEvent({ ...started, reason: 'TakenFromDead' } as never);
  for (const records of [1, 7, 100, 20_000])
    metrics.onEvent({ type: 'BatchDelivered', shardId: 'shardId-000000000000', records, bytes: 10 } as never);
  metrics.onRequest('query');
  return metrics.registry;
}

function busyOperator(): Registry {
  const metrics = new OperatorMetrics();
  metrics.leading(true);
  for (const [verb, seconds] of [
    ['get', 0.01],
    ['get', 3],
    ['patch', 0.2],
  ] as const)
    metrics.onRequest({ verb, resource: 'pods', code: '200', seconds } as never);
  return metrics.registry;
}

test.each([
  ['worker', busyWorker],
  ['operator', busyOperator],
])('what a %s sends is what it serves: names, labels, help, types, values and buckets', async (_, of) => {
  const registry = of();
  const sent = asText(await sentOf(registry));
  expect(sent.length).toBeGreaterThan(40);
  expect(sent).toEqual(await servedOf(registry));
});

test('counters and histograms are cumulative since the process began', async () => {
  const registry = new Registry();
  new Counter({ name: 'a_bytes_total', help: 'a', registers: [registry] }).inc(2);
  new PromHistogram({ name: 'b_seconds', help: 'b', buckets: [1], registers: [registry] }).observe(2);
  const [counter, histogram] = await sentOf(registry);
  const from = { startTime: [1_700_000_000, 250_000_000], endTime: [1_700_000_060, 0], attributes: {} };
  expect(counter).toMatchObject({
    aggregationTemporality: 1,
    isMonotonic: true,
    descriptor: { unit: 'By' },
    dataPoints: [{ ...from, value: 2 }],
  });
  expect(histogram).toMatchObject({
    aggregationTemporality: 1,
    descriptor: { unit: 's' },
    dataPoints: [{ ...from, value: { buckets: { boundaries: [1], counts: [0, 1] }, sum: 2, count: 1 } }],
  });
});

test('a unit says no more than the name', async () => {
  const units = (await sentOf(busyWorker())).map(({ descriptor: { name, unit } }) => [
    name.split('_').slice(2).join('_'),
    unit,
  ]);
  expect(Object.fromEntries(units)).toMatchObject({
    lag_seconds: 's',
    lost_to_retention_seconds_total: 's',
    bytes_total: 'By',
    records_total: '',
    batch_records: '',
  });
});
