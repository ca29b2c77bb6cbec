import { expect, test } from 'vitest';
import { decodeWorker } from '../../../src/leases/worker-row.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { AGroup } from '../a-group.ts';

test.each(['AccessDenied', 'Throttled', 'Unavailable'] as const)(
  'a worker whose reads fail (%s) says so in its row, until they work',
  async (code) => {
    const group = new AGroup(1);
    group.start('a');
    const row = () => group.table.rows().find(({ shard_id }) => shard_id.startsWith('worker#'))!;
    const trouble = () => decodeWorker(row()).readTrouble;
    await group.clock.advance(30_000);
    expect(trouble()).toBeUndefined();
    group.kinesis.faults = (operation) => (operation === 'GetRecords' ? new KcgError(code, 'no') : undefined);
    await group.clock.advance(120_000);
    expect(trouble()).toBe(code);
    group.kinesis.faults = undefined;
    await group.clock.advance(60_000);
    expect(row()).not.toHaveProperty('unread_why');
  },
);
