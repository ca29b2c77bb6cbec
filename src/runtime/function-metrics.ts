import { Counter, Gauge, type Registry } from 'prom-client';
import type { FunctionCounts } from './handlers/lambda/function-counts.ts';

/** What is counted of a function's clients; with `handler.lambda` only. */
export function functionMetrics(registry: Registry, counts: () => FunctionCounts): void {
  const registers = [registry];
  void new Gauge({
    name: 'kcg_worker_function_calls',
    help: 'With handler.lambda: batches that wait for a client (state="waiting") or that one has ("in_flight"), and clients that wait ("asking").',
    labelNames: ['state'],
    registers,
    collect() {
      const { waiting, inFlight, asking } = counts();
      this.set({ state: 'waiting' }, waiting);
      this.set({ state: 'in_flight' }, inFlight);
      this.set({ state: 'asking' }, asking);
    },
  });
  void new Counter({
    name: 'kcg_worker_function_unanswered_total',
    help: 'With handler.lambda: batches that a client had and did not answer, in time ("abandoned") or before it began anew ("lost"), and answers that nobody waited for ("forgotten").',
    labelNames: ['what'],
    registers,
    collect() {
      const { abandoned, lost, forgotten } = counts();
      this.reset();
      for (const [what, times] of Object.entries({ abandoned, lost, forgotten })) this.inc({ what }, times);
    },
  });
}
