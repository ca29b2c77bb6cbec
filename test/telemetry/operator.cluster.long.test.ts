import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Site } from '../operator/operator-process.ts';
import { controlPlaneProblem } from '../support/control-plane.ts';
import { startCollector, type Collector } from './collector.ts';

/* The operator as a process of its own, on a real API server, and the Collector of OpenTelemetry. */

let collector: Collector;
let site: Site;

describe.skipIf(controlPlaneProblem() !== undefined)('the operator', () => {
  beforeAll(async () => {
    collector = await startCollector();
    site = await Site.open();
  }, 1_200_000);
  afterAll(async () => {
    await site?.close();
    await collector?.stop();
    vi.unstubAllEnvs();
  });

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
    await vi.waitFor(async () => expect(await site.replicas('orders', 'default')).toBe(1), 30_000);

    const { port } = await operator.says('operator started');
    const served = async () =>
      (await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text()).split('\n');
    const same = async () => expect(seriesOf(collector.metrics('kcg-1'))).toEqual(seriesOf(await served()));
    await vi.waitFor(same, { timeout: 30_000, interval: 500 });
    expect(seriesOf(await served()).length).toBeGreaterThan(30);
    expect(collector.metrics('kcg-1')).toContain('kcg_operator_leading 1');
    expect(collector.spans()).toEqual([]);

    const deployment = await site.get<{ spec: unknown }>('deployment', 'orders-worker', 'default');
    expect(JSON.stringify(deployment?.spec)).toContain(`\\"otlpEndpoint\\":\\"${collector.endpoint}\\"`);

    expect(await operator.end('SIGTERM')).toBe(0);
    await vi.waitFor(() => expect(collector.metrics('kcg-1')).toContain('kcg_operator_leading 0'), 10_000);
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
