import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, goPrograms, startProgram } from '../support/peer-programs.ts';
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

interface JsonAttribute {
  key: string;
  value: { stringValue?: string; intValue?: string };
}
type JsonSpan = Omit<SeenSpan, 'attributes' | 'resource'> & { attributes: JsonAttribute[] };
interface JsonTraces {
  resourceSpans: {
    resource: { attributes: JsonAttribute[] };
    scopeSpans: { spans: JsonSpan[] }[];
  }[];
}

export interface Collector {
  /** Of OTLP by HTTP. */
  endpoint: string;
  /** What it has got, in Prometheus' format. */
  metrics: () => Promise<string>;
  spans: () => SeenSpan[];
  stop: () => Promise<void>;
}

/** The Collector of OpenTelemetry, in a pinned version: metrics go to Prometheus' format, spans to JSON. */
export async function startCollector(): Promise<Collector> {
  const programs = await goPrograms(join(import.meta.dirname, 'collector'));
  const [otlp, prometheus] = [await freePort(), await freePort()];
  const spans = await startOtlpReceiver();
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${otlp}` } } } },
    exporters: {
      prometheus: { endpoint: `127.0.0.1:${prometheus}` },
      otlp_http: { endpoint: spans.endpoint, encoding: 'json', compression: 'none' },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: {
        metrics: { receivers: ['otlp'], exporters: ['prometheus'] },
        traces: { receivers: ['otlp'], exporters: ['otlp_http'] },
      },
    },
  };
  const file = join(await mkdtemp(join(tmpdir(), 'kcg-collector-')), 'config.json');
  await writeFile(file, JSON.stringify(config));
  const program = startProgram([join(programs, 'collector'), '--config', file]);
  await program.says(/Everything is ready/);
  return {
    endpoint: `http://127.0.0.1:${otlp}`,
    metrics: async () => (await fetch(`http://127.0.0.1:${prometheus}/metrics`)).text(),
    spans: () => spans.requests.flatMap(({ body }) => spansOf(JSON.parse(body.toString()) as JsonTraces)),
    async stop() {
      await program.stop();
      await spans.close();
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
