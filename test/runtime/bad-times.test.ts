import { describe, expect, test } from 'vitest';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { AGroup, LEASE_MS, type OneWorker } from './a-group.ts';

/* What a worker does while the world round it is broken: what it can, never more, and it says so. */

/** The table answers every call with this error, as long as `isBroken`. */
function breakable(group: AGroup, code: ErrorCode, message: string): { isBroken: boolean } {
  const state = { isBroken: false };
  for (const method of ['query', 'get', 'write'] as const) {
    const real = group.table[method].bind(group.table) as (...args: unknown[]) => Promise<never>;
    group.table[method] = async (...args: unknown[]) => {
      if (state.isBroken) throw new KcgError(code, message, { resource: 'table checkpoints' });
      return real(...args);
    };
  }
  return state;
}

async function aReadingGroup() {
  const group = new AGroup(2);
  const delivered: string[] = [];
  const worker = group.start('w1', {
    handler: {
      handle: async ({ records }) => {
        for (const record of records) delivered.push(Buffer.from(record.data).toString());
        return { outcome: 'done' };
      },
    },
  });
  let next = 0;
  const put = () => group.put(String((next += 1)));
  const isDelivered = (text: string) => delivered.includes(text);
  await group.clock.advance(5_000);
  put();
  await group.clock.advance(5_000);
  expect(isDelivered('1')).toBe(true);
  return { group, worker, put, isDelivered, delivered };
}

const troubles = ({ events }: OneWorker) =>
  events.flatMap((event) => (event.type === 'TableTrouble' && event.error ? [event.error.message] : []));

describe.each<[string, ErrorCode, string]>([
  ['a table that is deleted', 'NotFound', 'table checkpoints does not exist'],
  [
    'a permission that is taken away',
    'AccessDenied',
    "the worker's role may not call dynamodb:UpdateItem on table checkpoints",
  ],
  ['a table that throttles everything', 'Throttled', 'table checkpoints is throttled'],
])('%s', (_, code, message) => {
  test('stops delivery before the lease is over, is told of, and is lived through', async () => {
    const { group, worker, put, isDelivered } = await aReadingGroup();
    const table = breakable(group, code, message);
    const rows = () => group.table.rows().length;
    const before = rows();
    table.isBroken = true;
    await group.clock.advance(LEASE_MS);
    put();
    await group.clock.advance(60_000);
    expect(isDelivered('2')).toBe(false);
    expect(worker.events.map(({ type }) => type)).toContain('WorkerSelfFenced');
    expect(troubles(worker)).toContain(message);
    expect(rows()).toBe(before);
    table.isBroken = false;
    await group.clock.advance(60_000);
    expect(isDelivered('2')).toBe(true);
    await group.until(worker.stop());
  });
});

test.each([-3_600_000, 3_600_000])('a wall clock that jumps by %i ms changes no owner', async (jumpMs) => {
  const { group, worker, put, isDelivered } = await aReadingGroup();
  const started = worker.events.filter(({ type }) => type === 'ShardStarted').length;
  const now = group.clock.now.bind(group.clock);
  group.clock.now = () => now() + jumpMs;
  put();
  await group.clock.advance(60_000);
  expect(isDelivered('2')).toBe(true);
  const types = worker.events.map(({ type }) => type);
  expect(types).not.toContain('WorkerSelfFenced');
  expect(types.filter((type) => type === 'ShardStarted')).toHaveLength(started);
  await group.until(worker.stop());
});
