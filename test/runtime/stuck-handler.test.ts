import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { HandlerResult } from '../../src/runtime/handlers/handler.ts';
import { AGroup } from './a-group.ts';

test('a worker whose handler goes on after its time gives its shards away, and ends with what it was', async () => {
  const group = new AGroup(2);
  let calls = 0;
  const handle = (_: unknown, { signal }: { signal: AbortSignal }) => {
    calls += 1;
    return new Promise<HandlerResult>((resolve) => {
      const error = new KcgError('Aborted', 'given up');
      const result: HandlerResult = { outcome: 'failed', error, running: new Promise<void>(() => {}) };
      signal.addEventListener('abort', () => resolve(result));
    });
  };
  const a = group.start('a', { config: { handlerTimeoutMs: 5_000 }, handler: { handle } });
  await group.clock.advance(5_000);
  group.put('x');
  await expect(group.until(a.running)).rejects.toMatchObject({
    code: 'Timeout',
    message: expect.stringContaining('after its signal told it to stop'),
  });
  expect(calls).toBe(1);
  const stopped = a.events.filter(({ type }) => type === 'ShardStopped');
  expect(stopped.map((event) => 'reason' in event && event.reason)).toEqual(['Released', 'Released']);
  const b = group.start('b');
  await group.clock.advance(10_000);
  expect(b.events.find(({ type }) => type === 'BatchDelivered')).toMatchObject({ records: 1 });
  await group.until(b.stop());
});
