import { expect, test } from 'vitest';
import { workerKey } from '../../../src/leases/row.ts';
import type { WriteResult } from '../../../src/leases/row-write.ts';
import { abortError } from '../../../src/lib/clock.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import type { Handler } from '../../../src/runtime/handlers/handler.ts';
import { AGroup } from '../a-group.ts';

/** As a server that is slow to do what it is told: until `release` the announcement has no effect and no answer. */
function slowAnnouncement(group: AGroup, { answer = true }: { answer?: boolean } = {}): () => void {
  const write = group.table.write.bind(group.table);
  const gate = Promise.withResolvers<void>();
  group.table.write = async (row, options): Promise<WriteResult> => {
    if (row.name !== 'announce') return write(row, options);
    const done = gate.promise.then(() => write(row));
    // A caller that gives up does not undo what is on its way.
    const result = await Promise.race([done, whenAborted(options?.signal)]);
    if (!answer) throw new KcgError('Timeout', 'no answer');
    return result;
  };
  return gate.resolve;
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(abortError(signal)));
  });
}

test.each([
  ['is answered late', true],
  ['had its effect, but no answer', false],
])('a worker that is told to stop while its announcement %s leaves no row behind', async (_, answer) => {
  const group = new AGroup(1);
  const release = slowAnnouncement(group, { answer });
  const worker = group.start('a');
  await group.clock.advance(1_000);
  const stopped = worker.stop();
  await group.clock.advance(1_000);
  release();
  await group.until(stopped);
  expect(group.table.rows().filter((row) => row.shard_id === workerKey('a'))).toEqual([]);
});

test('a worker whose first beat as a live one fails tells that it is live once the next succeeds', async () => {
  let failing = 1;
  const group = new AGroup(1, {
    before: async (operation) => {
      if (operation === 'beat' && failing-- > 0) throw new KcgError('Timeout', 'no answer');
    },
  });
  const worker = group.start('a');
  await group.clock.advance(30_000);
  expect(worker.worker.state).toBe('live');
  expect(worker.events.filter(({ type }) => type === 'WorkerLive')).toHaveLength(1);
  await group.until(worker.stop());
});

test('a worker that is told to stop and has been fenced tells its handler at once', async () => {
  const group = new AGroup(1);
  let signal: AbortSignal | undefined;
  const handle: Handler['handle'] = async (_, context) => {
    ({ signal } = context);
    await whenAborted(signal).catch(() => {});
    return { outcome: 'done' };
  };
  const worker = group.start('a', { handler: { handle } });
  group.put('record');
  await group.clock.advance(21_000);
  const [row] = group.table.rows().filter((each) => each.shard_id === workerKey('a'));
  group.table.store(workerKey('a'), { ...row!, state: 'dead' });
  const stopped = worker.stop();
  await group.clock.advance(100);
  expect(signal?.aborted).toBe(true);
  await group.until(stopped);
});
