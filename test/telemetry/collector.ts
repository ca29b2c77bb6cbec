import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, goPrograms, startProgram } from '../support/peer-programs.ts';
import { metricsAsText, type JsonMetric } from './json-metrics.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';

/** A span as the Collector has understood it. */
export interface SeenSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  status: { code?: number; message?: string };
  resource: Record<string, unknown>;
}

export interface JsonAttribute {
  key: string;
  value: { stringValue?: string; intValue?: string };
}
interface OfResource {
  resource: { attributes: JsonAttribute[] };
}
type JsonSpan = Omit<SeenSpan, 'attributes' | 'resource'> & { attributes: JsonAttribute[] };
interface JsonTraces {
  resourceSpans: (OfResource & { scopeSpans: { spans: JsonSpan[] }[] })[];
}
interface JsonMetrics {
  resourceMetrics: (OfResource & { scopeMetrics: { metrics: JsonMetric[] }[] })[];
}

export interface Collector {
  /** Of OTLP by HTTP. */
  endpoint: string;
  /** What the process with this `service.instance.id` has sent last, as /metrics would show it. */
  metrics: (instance: string) => string[];
  spans: () => SeenSpan[];
  stop: () => Promise<void>;
}

/** The Collector of OpenTelemetry, in a pinned version: what it gets goes on as JSON. */
export async function startCollector(): Promise<Collector> {
  const programs = await goPrograms(join(import.meta.dirname, 'collector'));
  const port = await freePort();
  const seen = await startOtlpReceiver();
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlp_http: { endpoint: seen.endpoint, encoding: 'json', compression: 'none' } },
    service: {
      pipelines: {
        metrics: { receivers: ['otlp'], exporters: ['otlp_http'] },
        traces: { receivers: ['otlp'], exporters: ['otlp_http'] },
      },
    },
  };
  const file = join(await mkdtemp(join(tmpdir(), 'kcg-collector-')), 'config.json');
  await writeFile(file, JSON.stringify(config));
  const program = startProgram([join(programs, 'collector'), '--config', file]);
  await program.says(/Everything is ready/);
  const bodies = (path: string) =>
    seen.requests
      .filter((request) => request.path === path)
      .map(({ body }) => JSON.parse(body.toString()) as unknown);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    metrics(instance) {
      const sent = (bodies('/v1/metrics') as JsonMetrics[])
        .flatMap(({ resourceMetrics }) => resourceMetrics)
        .filter(({ resource }) => valuesOf(resource.attributes)['service.instance.id'] === instance);
      return metricsAsText(sent.at(-1)?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []);
    },
    spans: () => (bodies('/v1/traces') as JsonTraces[]).flatMap(spansOf),
    async stop() {
      await program.stop();
      await seen.close();
    },
  };
}

function spansOf({ resourceSpans }: JsonTraces): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: valuesOf(span.attributes),
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(attributes: readonly JsonAttribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue } }) => [key, stringValue ?? Number(intValue)]),
  );
}
