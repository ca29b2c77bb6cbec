import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Log } from '../../lib/log.ts';
import type { Signal, TelemetryMetrics } from '../telemetry-metrics.ts';
import type { OnAnswer } from './otlp-exporter.ts';

export interface WatchOptions {
  url: string;
  log: Log;
  metrics: TelemetryMetrics;
}

/** Tells once that sending fails, and once that it works again. */
function watch(signal: Signal, { url, log, metrics }: WatchOptions): (result: ExportResult) => void {
  return ({ code, error }) => {
    if (code === ExportResultCode.SUCCESS) {
      const failedMs = metrics.works(signal);
      if (failedMs !== undefined)
        log.info(`${signal} are sent again`, { url, failedForSeconds: Math.round(failedMs / 1000) });
      return;
    }
    if (metrics.failed(signal)) log.warn(`${signal} cannot be sent`, { url, error: describe(error) });
  };
}

/** Tells once of each thing that a collector says of what it has got, and once that it takes all again. */
export function tellRemarks(signal: Signal, { url, log }: Pick<WatchOptions, 'url' | 'log'>): OnAnswer {
  let told: string | undefined;
  let rejected = 0;
  return (remark) => {
    if (remark === undefined) {
      if (told !== undefined) log.info(`${signal} are all taken again`, { url, rejected });
      told = undefined;
      rejected = 0;
      return;
    }
    rejected += remark.rejected;
    const what = remark.rejected > 0 ? 'are rejected in part' : 'are taken, with a warning';
    // Numbers in it are of this export alone.
    const now = `${what}: ${remark.words.replaceAll(/\d+/g, '0')}`;
    if (now !== told) log.warn(`${signal} ${what}`, { url, rejected, collector: remark.words });
    told = now;
  };
}

/** A refused connection to a name with two addresses has no message of its own, and an answer only its status. */
function describe(error: (Error & { code?: string | number }) | undefined): string {
  if (error === undefined) return 'unknown';
  const { message, code } = error;
  return [message, code === undefined || message.includes(String(code)) ? '' : String(code)]
    .filter((part) => part !== '')
    .join(', ');
}

export function watchedMetrics(exporter: PushMetricExporter, options: WatchOptions): PushMetricExporter {
  const tell = watch('metrics', options);
  return {
    export: (metrics, done) =>
      exporter.export(metrics, (result) => {
        tell(result);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

export interface QueueOptions extends WatchOptions {
  /** Of spans that wait or are being sent. */
  max: number;
}

/** A bound on the spans that are not sent yet: what comes beyond it is dropped and counted, as is what nobody takes. */
export class SpanQueue {
  readonly #options: QueueOptions;
  #unsent = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  exporter(exporter: SpanExporter): SpanExporter {
    const tell = watch('traces', this.#options);
    return {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          this.#unsent -= spans.length;
          if (result.code !== ExportResultCode.SUCCESS) this.#options.metrics.droppedSpans(spans.length);
          tell(result);
          done(result);
        }),
      shutdown: () => exporter.shutdown(),
      ...(exporter.forceFlush ? { forceFlush: () => exporter.forceFlush!() } : {}),
    };
  }

  processor(processor: SpanProcessor): SpanProcessor {
    return {
      onStart: (span, context) => processor.onStart(span, context),
      onEnd: (span: ReadableSpan) => {
        if (this.#unsent >= this.#options.max) return this.#options.metrics.droppedSpans(1);
        this.#unsent += 1;
        processor.onEnd(span);
      },
      forceFlush: () => processor.forceFlush(),
      shutdown: () => processor.shutdown(),
    };
  }
}
