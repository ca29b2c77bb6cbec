import { describe, expect, it } from 'vitest';
import { decodeLease } from '../../../src/leases/lease.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import { putShard, takeShard } from '../../../src/leases/transitions.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { Checkpointer } from '../../../src/runtime/delivery/checkpointer.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const me = { worker: 'pod-1', incarnation: 'a' };

/** A shard's checkpointer; `answer` stands in for the table at each of its writes. */
async function aCheckpointer(answer: (attempt: number) => void, intervalMs = 5_000) {
  const clock = new VirtualClock();
  const writtenAtMs: number[] = [];
  const table = new MemoryLeaseTable({
    before: async (operation) => {
      if (operation !== 'checkpoint') return;
      writtenAtMs.push(clock.monotonic());
      answer(writtenAtMs.length);
    },
  });
  const whole = { checkpoint: { at: 'TRIM_HORIZON' } as const, parents: [], hashStart: '0', hashEnd: '9' };
  const { row: free } = await table.write(putShard({ shardId: 's', ...whole }, clock.now()));
  const { row } = await table.write(takeShard(decodeLease(free!), me, clock.now()));
  const beats = { fail: false };
  const checkpointer = new Checkpointer({
    table,
    clock,
    random: seededRandom(1),
    own: { shardId: 's', epoch: decodeLease(row!).epoch, owner: me },
    from: { at: 'TRIM_HORIZON' },
    load: 0,
    readAt: undefined,
    intervalMs,
    beatsFail: () => beats.fail,
    onLost: () => expect.fail('lost'),
    onTrouble: () => {},
  });
  const stop = new AbortController();
  const running = checkpointer.run(stop.signal);
  let sequence = 0;
  return {
    clock,
    writtenAtMs,
    beats,
    stored: () => decodeLease(table.rows()[0]!).checkpoint,
    async deliver(batchesPerSecond: number, seconds: number) {
      for (let batch = 0; batch < batchesPerSecond * seconds; batch += 1) {
        sequence += 1;
        const checkpoint = { at: 'SEQUENCE' as const, sequence: String(sequence) };
        checkpointer.note({ checkpoint, behindMs: 0, readAt: clock.now(), load: 0 });
        await clock.advance(1_000 / batchesPerSecond);
      }
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
}

const throttled = () => {
  throw new KcgError('Throttled', 'injected');
};

describe('checkpoints', () => {
  it.each([20, 200])(
    'of %i batches a second ask a throttled table no more often than one that serves them',
    async (rate) => {
      const served = await aCheckpointer(() => {});
      await served.deliver(rate, 60);
      await served.stop();
      const refused = await aCheckpointer(throttled);
      await refused.deliver(rate, 60);
      await refused.stop();
      expect(refused.writtenAtMs.length).toBeLessThanOrEqual(served.writtenAtMs.length);
      expect(refused.writtenAtMs.length).toBeGreaterThanOrEqual(6);
    },
  );

  it('that may follow one another at once still back off from a table that refuses them', async () => {
    const refused = await aCheckpointer(throttled, 0);
    await refused.deliver(20, 60);
    await refused.stop();
    expect(refused.writtenAtMs.length).toBeLessThan(20);
  });

  it('are not left to a long interval after one failure', async () => {
    const shard = await aCheckpointer((attempt) => attempt === 1 && throttled(), 300_000);
    await shard.deliver(1, 15);
    await shard.stop();
    expect(shard.writtenAtMs).toEqual([0, 10_000]);
  });

  it('wait while beats fail, and go on once they succeed', async () => {
    const shard = await aCheckpointer(() => {});
    shard.beats.fail = true;
    await shard.deliver(20, 20);
    expect(shard.writtenAtMs).toEqual([]);
    shard.beats.fail = false;
    await shard.deliver(20, 1);
    await shard.stop();
    expect(shard.writtenAtMs).toHaveLength(1);
    expect(shard.stored()).toMatchObject({ at: 'SEQUENCE' });
  });
});
