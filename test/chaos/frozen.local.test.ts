import { expect } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { scenario } from './fleet.ts';

/* Workers that stand still for longer than their lease, and do not know it. */

/** Always in the middle of a batch, and more waits behind it: what a worker without a gate would go on with. */
const BUSY = { env: { CHAOS_WORK_MS: '40' }, config: { batchSize: 1 } };

scenario(
  'a worker that was stopped past its lease begins nothing of what others have taken',
  { name: 'SIGSTOP past the lease', everyRun: true, ...BUSY },
  async (fleet) => {
    const [sleeper, others] = await fleet.pick();
    const before = sleeper.trace.count('WorkerSelfFenced');
    sleeper.freeze();
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned(others);
    sleeper.wake();
    await fleet.until('it has noticed', () => sleeper.said('WorkerSelfFenced', before));
    await fleet.until('it has shards again', () => sleeper.trace.shardIds.length > 0);
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'a worker that was stopped for less than its lease goes on as if nothing had been',
  { name: 'SIGSTOP for a third of the lease', leaseMs: 12_000, workers: 2 },
  async (fleet) => {
    const [sleeper] = await fleet.pick();
    const fenced = () => fleet.sum('WorkerFenced') + fleet.sum('WorkerSelfFenced');
    const before = fenced();
    sleeper.freeze();
    await clock.sleep(fleet.leaseMs / 3);
    sleeper.wake();
    await fleet.readAgain();
    expect(fenced()).toBe(before);
    await fleet.prove();
    expect(fleet.tally.result().duplicated).toBe(0);
  },
);

scenario(
  'what a handler did while it held up its worker past the lease is not checkpointed by it',
  { name: 'event loop blocked past the lease', ...BUSY },
  async (fleet) => {
    const [blocked, others] = await fleet.pick();
    const before = blocked.trace.count('WorkerSelfFenced');
    blocked.block(3 * fleet.leaseMs);
    await fleet.until('it is held up', () => blocked.trace.spans.some((span) => span.blocked));
    const seconds = await fleet.readAgain(others);
    await fleet.until('it has noticed', () => blocked.said('WorkerSelfFenced', before));
    const { shardId, epoch, last } = blocked.trace.spans.find((span) => span.blocked)!;
    await fleet.until('it has shards again', () => blocked.trace.shardIds.length > 0);
    expect(fleet.watch.isCheckpointed(shardId, epoch, last)).toBe(false);
    await fleet.prove({ 'read again after s': seconds });
  },
);
