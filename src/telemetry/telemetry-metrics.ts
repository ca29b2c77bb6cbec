import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../lib/clock.ts';
import { FailingTimes } from '../lib/failing-times.ts';

export type Signal = 'metrics' | 'traces';

/** What sending tells of itself, beside what it sends; only where something is to be sent. Names and units are stable. */
export class TelemetryMetrics {
  readonly #failing: FailingTimes;
  readonly #dropped: Counter;

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    const failing = new FailingTimes(clock);
    this.#failing = failing;
    this.#dropped = new Counter({
      name: 'kcg_otlp_dropped_spans_total',
      help: 'Spans that were not sent: the collector did not take them, or they came faster than they could be sent.',
      registers,
    });
    void new Gauge({
      name: 'kcg_otlp_failing_seconds',
      help: 'How long nothing of a signal could be sent, from the first failure; only of signals where it is so.',
      labelNames: ['signal'],
      registers,
      collect() {
        this.reset();
        for (const [signal, ms] of failing.list()) this.set({ signal }, ms / 1000);
      },
    });
  }

  droppedSpans(spans: number): void {
    this.#dropped.inc(spans);
  }

  /** True when it worked until now. */
  failed(signal: Signal): boolean {
    return this.#failing.failed(signal);
  }

  /** How long it has failed, ms; undefined when it had not. */
  works(signal: Signal): number | undefined {
    return this.#failing.over(signal);
  }
}
