import { describe, expect, it } from 'vitest';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import { decodeLease } from '../../../src/leases/lease.ts';
import { putShard, takeShard } from '../../../src/leases/transitions.ts';
import { KcgError, type ErrorCode } from '../../../src/lib/errors.ts';
import { GroupState } from '../../../src/runtime/leasing/group-state.ts';
import { HeldShards, type StartedShard } from '../../../src/runtime/leasing/held-shards.ts';
import { OwnLease } from '../../../src/runtime/leasing/own-lease.ts';
import type { WorkerEvent } from '../../../src/runtime/worker-event.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const me = { worker: 'pod-1', incarnation: 'a' };
const other = { worker: 'pod-2', incarnation: 'b' };

interface HandOffOptions {
  leaseMs?: number;
  /** How long it takes to find out that nobody is to get it; undefined: somebody is. */
  nobodyAfterMs?: number;
  /** The owner stops as soon as the hand-off has begun. */
  stops?: boolean;
}

/** One held shard that drains at once; `failures` answer the first attempts to give it away. */
async function handOff(
  failures: readonly ErrorCode[],
  { leaseMs = 20_000, nobodyAfterMs, stops = false }: HandOffOptions = {},
) {
  const clock = new VirtualClock();
  const left = [...failures];
  const table = new MemoryLeaseTable({
    before: async (operation) => {
      const code = operation === 'give' ? left.shift() : undefined;
      if (code !== undefined) throw new KcgError(code, 'injected');
    },
  });
  const ownLease = new OwnLease(clock, leaseMs);
  ownLease.renewed(clock.monotonic());
  const whole = { checkpoint: { at: 'TRIM_HORIZON' } as const, parents: [], hashStart: '0', hashEnd: '9' };
  const { row: free } = await table.write(putShard({ shardId: 's', ...whole }, clock.now()));
  const { row } = await table.write(takeShard(decodeLease(free!), me, clock.now()));
  const events: WorkerEvent[] = [];
  const held = new HeldShards({
    table,
    clock,
    random: () => 0.5,
    me,
    ownLease,
    state: new GroupState(),
    startShard: () => drainable(),
    handoffTimeoutMs: 1_000,
    childrenOf: async (_, named) => named,
    onLost: () => {},
    onEvent: (event) => events.push(event),
  });
  held.start(decodeLease(row!), { reason: 'FirstOwner' });
  const receiver = async () => {
    if (nobodyAfterMs === undefined) return { to: other, reason: 'GivenToBalance' } as const;
    await clock.sleep(nobodyAfterMs);
    return undefined;
  };
  const handed = [held.handOff('s', receiver, false)];
  if (stops) handed.push(held.handOff('s', receiver, true));
  await clock.advance(60_000);
  await Promise.all(handed);
  const stopped = events.find((event) => event.type === 'ShardStopped');
  const owner = decodeLease(table.rows()[0]!).owner;
  return { owner, reason: stopped && 'reason' in stopped ? stopped.reason : undefined };
}

function drainable(): StartedShard {
  const { promise, resolve } = Promise.withResolvers<{ as: 'drained' }>();
  const drain = async () => {
    resolve({ as: 'drained' });
    return promise;
  };
  const consumer = {
    run: () => promise,
    drain,
    lose: () => {},
    behindMs: () => 0,
    standing: () => undefined,
  };
  return {
    consumer,
    checkpointer: { takeUnwritten: () => undefined, latest: { at: 'TRIM_HORIZON' } },
  } as unknown as StartedShard;
}

describe('giving a shard away', () => {
  it('is repeated when a call fails', async () => {
    expect(await handOff(['Throttled', 'Timeout'])).toEqual({ owner: 'pod-2/b', reason: 'GivenToBalance' });
  });

  it.each<ErrorCode>(['AccessDenied', 'Credentials', 'NotFound', 'InvalidInput'])(
    'is repeated after %s: nobody else can make this write',
    async (code) => {
      expect(await handOff([code])).toEqual({ owner: 'pod-2/b', reason: 'GivenToBalance' });
      expect(await handOff(['Timeout', code])).toEqual({ owner: 'pod-2/b', reason: 'GivenToBalance' });
    },
  );

  it('is given up for reading on when it is refused all the time', async () => {
    const refused = Array<ErrorCode>(20).fill('AccessDenied');
    expect(await handOff(refused)).toEqual({ owner: 'pod-1/a', reason: undefined });
  });

  it('is never given up for reading on while an attempt can still have its effect', async () => {
    const refused = Array<ErrorCode>(20).fill('AccessDenied');
    expect(await handOff(['Timeout', ...refused])).toEqual({ owner: 'pod-1/a', reason: 'Lost' });
  });

  it('is tried no longer than a stop may take, though an attempt can still have its effect', async () => {
    const silent = Array<ErrorCode>(20).fill('Timeout');
    const end = await handOff(silent, { leaseMs: 3_600_000, stops: true });
    expect(end).toEqual({ owner: 'pod-1/a', reason: 'Lost' });
  });

  it('is not read on when nobody is to get it and the lease has run out meanwhile', async () => {
    expect(await handOff([], { nobodyAfterMs: 1_000 })).toEqual({ owner: 'pod-1/a', reason: undefined });
    expect(await handOff([], { nobodyAfterMs: 19_000 })).toEqual({ owner: 'pod-1/a', reason: 'Lost' });
  });
});

describe('a shard whose program cannot go on', () => {
  async function broken(handOffAtOnce: boolean) {
    const clock = new VirtualClock();
    const table = new MemoryLeaseTable();
    const ownLease = new OwnLease(clock, 20_000);
    ownLease.renewed(clock.monotonic());
    const whole = { checkpoint: { at: 'TRIM_HORIZON' } as const, parents: [], hashStart: '0', hashEnd: '9' };
    const { row: free } = await table.write(putShard({ shardId: 's', ...whole }, clock.now()));
    const { row } = await table.write(takeShard(decodeLease(free!), me, clock.now()));
    const events: WorkerEvent[] = [];
    const end = Promise.withResolvers<{ as: 'broken' }>();
    const from: unknown[] = [];
    const progress = {
      checkpoint: { at: 'SEQUENCE', sequence: '7' },
      behindMs: 0,
      readAt: clock.now(),
      load: 0,
    } as const;
    const owed: unknown[] = [];
    const held = new HeldShards({
      table,
      clock,
      random: () => 0.5,
      me,
      ownLease,
      state: new GroupState(),
      startShard: (_own, _lease, at) => {
        from.push(at);
        if (from.length > 1) return { ...drainable(), ...noting(owed) } as unknown as StartedShard;
        const consumer = {
          run: () => end.promise,
          drain: () => end.promise,
          lose: () => {},
          behindMs: () => 0,
          standing: () => undefined,
        };
        const checkpointer = { takeUnwritten: () => progress, latest: progress.checkpoint };
        return { consumer, checkpointer } as unknown as StartedShard;
      },
      handoffTimeoutMs: 1_000,
      childrenOf: async (_, named) => named,
      onLost: () => {},
      onEvent: (event) => events.push(event),
    });
    held.start(decodeLease(row!), { reason: 'FirstOwner' });
    end.resolve({ as: 'broken' });
    if (handOffAtOnce) {
      const handed = held.handOff('s', async () => ({ to: other, reason: 'GivenToBalance' }), false);
      await clock.advance(1_000);
      await handed;
    }
    await clock.advance(1_000);
    return { from, owed, progress, events, row: decodeLease(table.rows()[0]!) };
  }

  it('is begun anew at its checkpoint, by the same owner, with what is not written yet', async () => {
    const { from, owed, progress, events } = await broken(false);
    expect(from).toEqual([{ at: 'TRIM_HORIZON' }, progress.checkpoint]);
    expect(owed).toEqual([progress]);
    expect(events.map(({ type }) => type)).toEqual(['ShardStarted']);
  });

  it('is not begun anew when it is given away just then', async () => {
    const { from, row, progress } = await broken(true);
    expect(from).toHaveLength(1);
    expect(row).toMatchObject({ owner: 'pod-2/b', checkpoint: progress.checkpoint });
  });
});

function noting(owed: unknown[]) {
  return { checkpointer: { owe: (progress: unknown) => owed.push(progress) } };
}
