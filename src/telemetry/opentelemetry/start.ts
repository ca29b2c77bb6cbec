import type { Tracer } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Registry } from 'prom-client';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { MetricSettings, TelemetrySettings, TraceSettings } from '../settings.ts';
import { TelemetryMetrics } from '../telemetry-metrics.ts';
import { metricsExporter, tracesExporter } from './otlp-exporter.ts';
import { metricData, type RegistryMetric } from './registry-metrics.ts';
import { SpanQueue, tellRemarks, watchedMetrics } from './watched-exporter.ts';

/*
 * Loaded only where something is to be sent. Of the SDK's global state nothing is touched: a handler in this process may have
 * its own. Headers, time limits, compression and certificates the exporters take from the variables themselves.
 */

/** The scope of metrics and spans. */
export const SCOPE = 'kcg';

export interface TelemetryOptions {
  settings: Pick<TelemetrySettings, 'metrics' | 'traces'>;
  registry: Registry;
  /** What process this is; `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` go before it. */
  about: Readonly<Record<string, string>>;
  version: string;
  clock: Clock;
  log: Log;
}

export interface Telemetry {
  /** Undefined: no spans are sent. */
  tracer: Tracer | undefined;
  /** Sends what is left. Resolves when that is done, or has failed, or time is up. */
  stop(): Promise<void>;
}

/** How long the last words of a process may take, ms: after its work is done. */
const LAST_MS = 3_000;

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { settings, registry, about, clock, log } = options;
  const resource = defaultResource()
    .merge(resourceFromAttributes({ ...about }))
    .merge(detectResources({ detectors: [envDetector] }));
  const own = new TelemetryMetrics(registry, clock);
  const reader = settings.metrics && startMetrics(settings.metrics, { ...options, resource, own });
  const provider = settings.traces && startTraces(settings.traces, { ...options, resource, own });
  log.info('OpenTelemetry', { metrics: settings.metrics?.url, traces: settings.traces?.url });
  return {
    tracer: provider?.getTracer(SCOPE, options.version),
    async stop() {
      const late = new AbortController();
      const last = Promise.allSettled([provider?.shutdown(), reader?.shutdown()]);
      await Promise.race([last, clock.sleep(LAST_MS, { signal: late.signal })]);
      late.abort();
    },
  };
}

interface Parts extends TelemetryOptions {
  resource: Resource;
  own: TelemetryMetrics;
}

function startMetrics(
  { url, intervalMs, timeoutMs }: MetricSettings,
  { registry, resource, version, clock, log, own }: Parts,
): PeriodicExportingMetricReader {
  const startMs = clock.now();
  const reader = new PeriodicExportingMetricReader({
    exporter: watchedMetrics(metricsExporter(url, tellRemarks('metrics', { url, log })), {
      url,
      log,
      metrics: own,
    }),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
  });
  reader.setMetricProducer({
    async collect() {
      const read = (await registry.getMetricsAsJSON()) as RegistryMetric[];
      const metrics = metricData(read, { startMs, nowMs: clock.now() });
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: SCOPE, version }, metrics }] },
        errors: [],
      };
    },
  });
  return reader;
}

function startTraces(settings: TraceSettings, { resource, log, own }: Parts): TracerProvider {
  const { url, sampler, maxQueue, maxBatch, delayMs, timeoutMs } = settings;
  const queue = new SpanQueue({ url, log, metrics: own, max: maxQueue });
  const tell = tellRemarks('traces', { url, log });
  const exporter = tracesExporter(url, (remark) => {
    if (remark) own.droppedSpans(remark.rejected);
    tell(remark);
  });
  const processor = new BatchSpanProcessor({
    exporter: queue.exporter(exporter),
    maxQueueSize: maxQueue,
    maxExportBatchSize: maxBatch,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: timeoutMs,
  });
  return new TracerProvider({
    resource,
    sampler: samplerOf(sampler),
    spanProcessors: [queue.processor(processor)],
  });
}

function samplerOf(sampler: TraceSettings['sampler']) {
  if ('ratio' in sampler) return new TraceIdRatioBasedSampler(sampler.ratio);
  return sampler.always ? new AlwaysOnSampler() : new AlwaysOffSampler();
}
