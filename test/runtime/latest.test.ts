import { describe, expect, it } from 'vitest';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { AGroup } from './a-group.ts';

describe('a group that begins at Latest', () => {
  it.each([-240_000, -30_000, 0, 30_000, 240_000])(
    'delivers all that comes after its worker is there, and nothing from long before, with a clock ahead by %i ms',
    async (skewMs) => {
      const group = new AGroup(2);
      for (let i = 0; i < 5; i += 1) group.put(`old-${i}`, `${i}`);
      await group.clock.advance(10_000);
      const delivered = new Set<string>();
      const worker = group.start('a', {
        skewMs,
        config: { initialPosition: { type: 'Latest' } },
        handler: {
          handle: async ({ records }) => {
            for (const { data } of records) delivered.add(Buffer.from(data).toString());
            return { outcome: 'done' };
          },
        },
      });
      const startedAt = group.clock.now();
      for (let i = 0; i < 60; i += 1) {
        group.put(`${i}`, `${i}`);
        await group.clock.advance(1_000);
      }
      await group.clock.advance(5_000);
      expect([...delivered].sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 60 }, (_, i) => `${i}`),
      );
      const { startAt } = decodeRows(group.table.rows()).claim!;
      expect(startAt).toBeLessThanOrEqual(startedAt);
      expect(startAt).toBeGreaterThan(startedAt - 5_000);
      await group.until(worker.stop());
    },
  );
});
