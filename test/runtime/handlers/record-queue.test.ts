import { expect, it } from 'vitest';
import type { HandlerContext, ProgramContext } from '../../../src/runtime/handlers/handler.ts';
import { RecordQueue } from '../../../src/runtime/handlers/record-queue.ts';
import { decodeRows } from '../../../src/leases/group-rows.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { AGroup } from '../a-group.ts';
import { aBatch, aContext, aRecord } from './a-batch.ts';

const programOf = (context: HandlerContext): ProgramContext => ({
  ...context,
  from: { at: 'TRIM_HORIZON' },
  checkpoint: () => ({ outcome: 'noted' }),
});

it('a batch is not over before its last record is done, whatever becomes of those before', async () => {
  const queue = new RecordQueue();
  const context = aContext();
  let isOver = false;
  const handled = queue.handler().open!(programOf(context))
    .handle(aBatch(aRecord('1'), aRecord('2')), context)
    .then(() => (isOver = true));
  const take = () => queue.take(new VirtualClock(), context.signal);
  const first = await take();
  first?.done();
  const second = await take();
  first?.done(); // its checkpoint(), once more
  await new Promise(setImmediate);
  expect(isOver).toBe(false);
  second?.done();
  await handled;
});

it.each<[what: string, taken: number, result: object]>([
  ['none', 0, { outcome: 'failed', isMissed: true }],
  ['one', 1, { outcome: 'done' }],
])('a batch of which a program that stops has taken %s counts so', async (_, taken, result) => {
  const queue = new RecordQueue();
  const stop = new AbortController();
  const context = aContext({ stop: stop.signal });
  const handled = queue.handler().open!(programOf(context)).handle(
    aBatch(aRecord('1'), aRecord('2')),
    context,
  );
  if (taken > 0) (await queue.take(new VirtualClock(), context.signal))?.done();
  queue.close();
  stop.abort();
  expect(await handled).toMatchObject(result);
});

it.each<[what: string, end: 'close' | 'drop', done: number]>([
  ['a program that stops', 'close', 2],
  ['a program that leaves its loop', 'drop', 1],
])('%s in a shard that is closed leaves what it has not done to others', async (_, end, done) => {
  const queue = new RecordQueue();
  const group = new AGroup(1);
  for (let i = 0; i < 35; i += 1) group.put(`${i}`);
  group.split('shardId-000000000000');
  const a = group.start('a', { handler: queue.handler() });
  await group.clock.advance(20_000);
  const never = new AbortController().signal;
  const first = await queue.take(group.clock, never);
  first?.done();
  const second = await queue.take(group.clock, never);
  queue[end]();
  const stopping = a.stop();
  if (end === 'close') second?.done();
  await group.until(stopping);
  const [parent] = decodeRows(group.table.rows()).leases;
  expect(parent?.checkpoint).toMatchObject({
    at: 'SEQUENCE',
    sequence: [first, second][done - 1]!.record.sequence,
  });
});

it('records that nobody takes in time are handed out again, and not passed over', async () => {
  const queue = new RecordQueue();
  const group = new AGroup(1);
  for (let i = 0; i < 35; i += 1) group.put(`${i}`);
  const a = group.start('a', { handler: queue.handler(), config: { handlerTimeoutMs: 10_000 } });
  await group.clock.advance(5_000);
  const taken = new Set<string>();
  const over = new AbortController();
  void group.clock.sleep(300_000).then(() => over.abort());
  for (let i = 0; taken.size < 35; i += 1) {
    const taking = queue.take(group.clock, over.signal);
    if (i === 3) await group.clock.advance(30_000);
    const queued = await group.until(taking);
    if (queued === undefined) break;
    taken.add(Buffer.from(queued.record.data).toString());
    queued.done();
    await group.clock.advance(100);
  }
  expect([...taken]).toEqual(Array.from({ length: 35 }, (_, i) => `${i}`));
  queue.close();
  await group.until(a.stop());
});
