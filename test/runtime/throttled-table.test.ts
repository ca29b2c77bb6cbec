import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { AGroup } from './a-group.ts';

const [SHARDS, PER_SECOND, SECONDS, WRITES_PER_SECOND] = [20, 20, 90, 3];

test('a table that admits fewer writes than there are checkpoints gets the beats first, and nothing is fenced or lost', async () => {
  let [tokens, filledMs, isBusy] = [WRITES_PER_SECOND, 0, false];
  const writes = { beat: 0, checkpoint: 0 };
  const refused = { beat: 0, checkpoint: 0 };
  const group: AGroup = new AGroup(SHARDS, {
    before: async (operation) => {
      if (!isBusy || (operation !== 'beat' && operation !== 'checkpoint')) return;
      const nowMs = group.clock.monotonic();
      const gained = ((nowMs - filledMs) / 1_000) * WRITES_PER_SECOND;
      [tokens, filledMs] = [Math.min(WRITES_PER_SECOND, tokens + gained), nowMs];
      writes[operation] += 1;
      if (tokens >= 1) return void (tokens -= 1);
      refused[operation] += 1;
      throw new KcgError('Throttled', 'injected');
    },
  });
  let delivered = 0;
  const worker = group.start('a', {
    config: { leaseDurationMs: 15_000, batchSize: 1, maxRecords: 10_000 },
    handler: {
      handle: async ({ records }) => {
        delivered += records.length;
        return { outcome: 'done' };
      },
    },
  });
  await group.clock.advance(20_000);
  isBusy = true;
  let sent = 0;
  for (let second = 0; second < SECONDS; second += 1) {
    for (let i = 0; i < SHARDS * PER_SECOND; i += 1) group.put('x', String((sent += 1)));
    await group.clock.advance(1_000);
  }
  await group.clock.advance(5_000);
  expect(refused.checkpoint).toBeGreaterThan(10);
  expect(refused.beat).toBeLessThanOrEqual(writes.beat / 10);
  expect(writes.checkpoint).toBeLessThan((1.2 * SHARDS * SECONDS) / 5);
  expect(worker.events.map(({ type }) => type)).not.toContain('WorkerSelfFenced');
  expect(delivered).toBe(sent);
  await group.until(worker.stop());
});
