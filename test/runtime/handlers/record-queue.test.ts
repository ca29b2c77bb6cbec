import { expect, it } from 'vitest';
import type { ProgramContext } from '../../../src/runtime/handlers/handler.ts';
import { RecordQueue } from '../../../src/runtime/handlers/record-queue.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { aBatch, aContext, aRecord } from './a-batch.ts';

it('a batch is not over before its last record is done, whatever becomes of those before', async () => {
  const queue = new RecordQueue();
  const context = aContext();
  const program: ProgramContext = {
    ...context,
    from: { at: 'TRIM_HORIZON' },
    checkpoint: () => ({ outcome: 'noted' }),
  };
  let isOver = false;
  const handled = queue.handler().open!(program)
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
