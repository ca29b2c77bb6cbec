import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { functionMetrics } from '../../src/runtime/function-metrics.ts';

it('tells what a function’s clients have and what they left, each time it is asked', async () => {
  const registry = new Registry();
  const counts = { waiting: 3, asking: 0, inFlight: 2, abandoned: 1, lost: 0, forgotten: 4 };
  functionMetrics(registry, () => counts);
  expect(await registry.metrics()).toContain('kcg_worker_function_calls{state="in_flight"} 2');
  counts.abandoned = 2;
  const text = await registry.metrics();
  expect(text).toContain('kcg_worker_function_unanswered_total{what="abandoned"} 2');
  expect(text).toContain('kcg_worker_function_unanswered_total{what="forgotten"} 4');
});
