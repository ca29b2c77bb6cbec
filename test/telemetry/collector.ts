import { join } from 'node:path';
import { lastingPort } from '../support/lasting-port.ts';
import { goPrograms, startProgram } from '../support/peer-programs.ts';
import { metricsAsText, type JsonMetric } from './json-metrics.ts';

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

/** The receiver of OpenTelemetry's Collector, in a pinned version. */
export async function startCollector(): Promise<Collector> {
  const programs = await goPrograms(join(import.meta.dirname, 'collector'));
  const address = `127.0.0.1:${await lastingPort()}`;
  const program = startProgram([join(programs, 'collector'), address]);
  await program.says(/listening/);
  const seen = (signal: string) =>
    program
      .text()
      .split('\n')
      .slice(0, -1) // the last line may be half there
      .filter((line) => line.startsWith(`${signal} `))
      .map((line) => JSON.parse(line.slice(signal.length)) as unknown);
  return {
    endpoint: `http://${address}`,
    metrics(instance) {
      const sent = (seen('metrics') as JsonMetrics[])
        .flatMap(({ resourceMetrics }) => resourceMetrics)
        .filter(({ resource }) => valuesOf(resource.attributes)['service.instance.id'] === instance);
      return metricsAsText(sent.at(-1)?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []);
    },
    spans: () => (seen('traces') as JsonTraces[]).flatMap(spansOf),
    stop: () => program.stop(),
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
