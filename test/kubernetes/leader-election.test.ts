import { beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { LeaderElectionLease } from '../../src/kubernetes/cluster.ts';
import { runAsLeader, type LeaderElectionOptions } from '../../src/kubernetes/leader-election.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { ManualClock } from '../support/manual-clock.ts';

const key = { namespace: 'kcg', name: 'kcg-operator' };

let clock: ManualClock;
let broken: Set<string>;
let calls: number;
beforeEach(() => {
  clock = new ManualClock();
  broken = new Set();
  calls = 0;
});

/** One process: a candidate with its own connection, that can be cut. */
function aCandidate(cluster: MemoryCluster, identity: string, options: Partial<LeaderElectionOptions> = {}) {
  const stop = new AbortController();
  const log: string[] = [];
  let leads = () => false;
  const guard = async () => {
    calls += 1;
    if (broken.has(identity)) throw new KcgError('Unavailable', 'cut off');
  };
  const connection: LeaderElectionOptions['cluster'] = {
    async readLeaderElectionLease(...args) {
      await guard();
      return cluster.readLeaderElectionLease(...args);
    },
    async writeLeaderElectionLease(...args) {
      await guard();
      return cluster.writeLeaderElectionLease(...args);
    },
  };
  const end = runAsLeader(
    {
      cluster: connection,
      clock,
      random: () => 0.5,
      key,
      identity,
      onEvent: (event) => event.type !== 'failed' && log.push(event.type),
      ...options,
    },
    stop.signal,
    async (signal, whetherItLeads) => {
      leads = whetherItLeads;
      log.push('start');
      await clock.sleep(Number.MAX_SAFE_INTEGER, { signal });
      log.push('end');
    },
  );
  void end.then((how) => log.push(how));
  return { stop, log, end, leads: () => leads() };
}

const holder = async (cluster: MemoryCluster) => (await cluster.readLeaderElectionLease(key))?.record.holder;

describe('leader election', () => {
  test('lets exactly one of several candidates lead', async () => {
    const cluster = new MemoryCluster({ clock });
    const candidates = ['a', 'b', 'c'].map((identity) => aCandidate(cluster, identity));
    await clock.advance(60_000);
    expect(candidates.map(({ log }) => log.includes('start'))).toEqual([true, false, false]);
    expect(await holder(cluster)).toBe('a');
  });

  test('takes over soon from a leader that is known to be gone, and asks only about one that is late', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(100);
    const asked: string[] = [];
    const hasEnded = async (identity: string) => asked.push(identity) > 0;
    const b = aCandidate(cluster, 'b', { hasEnded });
    await clock.advance(60_000);
    expect(asked).toEqual([]);
    broken.add('a');
    a.stop.abort();
    await clock.advance(5_500);
    expect(asked).toEqual(['a']);
    expect(b.log).toEqual(['following', 'leading', 'start']);
  });

  test('hands over at once after a clean stop', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(100);
    const b = aCandidate(cluster, 'b');
    await clock.advance(10_000);
    a.stop.abort();
    await clock.advance(2_500);
    expect(a.log).toEqual(['leading', 'start', 'end', 'released', 'stopped']);
    expect(b.log).toEqual(['following', 'leading', 'start']);
    const { record } = (await cluster.readLeaderElectionLease(key)) ?? {};
    expect(record).toMatchObject({ holder: 'b', transitions: 1, leaseDurationSeconds: 15 });
  });

  test('tells who was frozen that it leads no more before its signal can', async () => {
    const a = aCandidate(new MemoryCluster({ clock }), 'a');
    await clock.advance(100);
    expect(a.leads()).toBe(true);
    clock.freeze(11_000);
    expect(a.leads()).toBe(false);
    expect(a.log).toEqual(['leading', 'start']);
  });

  test('stops leading before anybody else starts when it is cut off', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(100);
    const b = aCandidate(cluster, 'b');
    await clock.advance(10_000);
    broken.add('a');
    await clock.advance(12_000);
    expect(a.log).toEqual(['leading', 'start', 'lost', 'end', 'lost']);
    expect(b.log).toEqual(['following']);
    await clock.advance(8_000);
    expect(b.log).toEqual(['following', 'leading', 'start']);
  });

  test('goes on leading through failures shorter than the renew deadline', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(10_000);
    broken.add('a');
    await clock.advance(7_000);
    broken.delete('a');
    await clock.advance(60_000);
    expect(a.log).toEqual(['leading', 'start']);
  });

  test('gives up in time even when a call never answers', async () => {
    const cluster = new MemoryCluster({ clock });
    let hang = false;
    const connection: LeaderElectionOptions['cluster'] = {
      readLeaderElectionLease: (...args) => cluster.readLeaderElectionLease(...args),
      writeLeaderElectionLease: (...args) =>
        hang ? new Promise(() => {}) : cluster.writeLeaderElectionLease(...args),
    };
    const a = aCandidate(cluster, 'a', { cluster: connection });
    await clock.advance(10_000);
    hang = true;
    const renewedAt = ((await cluster.readLeaderElectionLease(key))?.record.renewedAt ?? 0) - clock.now();
    await clock.advance(renewedAt + 10_000);
    expect(a.log).toEqual(['leading', 'start', 'lost', 'end', 'lost']);
  });

  test('judges by watching, not by clocks: a Lease that moves is alive whatever time it carries', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    const record = { holder: 'x', leaseDurationSeconds: 15, acquiredAt: 0, renewedAt: 0, transitions: 0 };
    let version: string | undefined;
    for (let renewedAt = 0; renewedAt < 10; renewedAt += 1) {
      const written = await cluster.writeLeaderElectionLease(key, { ...record, renewedAt }, { version });
      if (written.outcome === 'written') ({ version } = written);
      await clock.advance(14_000);
    }
    expect(a.log).toEqual(['following']);
    await clock.advance(20_000);
    expect(a.log).toEqual(['following', 'leading', 'start']);
  });

  test('notices that another process took the Lease, and does not release what is not its own', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(5_000);
    const lease = await cluster.readLeaderElectionLease(key);
    if (!lease) throw new Error('nobody leads');
    await cluster.writeLeaderElectionLease(
      key,
      { ...lease.record, holder: 'thief' },
      { version: lease.version },
    );
    await clock.advance(3_000);
    expect(a.log).toEqual(['leading', 'start', 'lost', 'end', 'lost']);
    expect(await holder(cluster)).toBe('thief');
  });

  test('is not misled by a renewal whose answer was lost', async () => {
    const cluster = new MemoryCluster({ clock });
    let losing = false;
    const connection: LeaderElectionOptions['cluster'] = {
      readLeaderElectionLease: (...args) => cluster.readLeaderElectionLease(...args),
      async writeLeaderElectionLease(...args) {
        const result = await cluster.writeLeaderElectionLease(...args);
        if (losing) throw new KcgError('Timeout', 'no answer');
        return result;
      },
    };
    const a = aCandidate(cluster, 'a', { cluster: connection });
    await clock.advance(5_000);
    losing = true;
    await clock.advance(3_000);
    losing = false;
    await clock.advance(30_000);
    expect(a.log).toEqual(['leading', 'start']);
  });

  /** A Lease that can be deleted, of which candidates learn when they look. */
  function aLease() {
    let stored: LeaderElectionLease | undefined;
    let writes = 0;
    const cluster: LeaderElectionOptions['cluster'] = {
      readLeaderElectionLease: async () => stored,
      async writeLeaderElectionLease(_key, record, { version } = {}) {
        if (stored?.version !== version) return { outcome: 'lost', message: 'another version' };
        writes += 1;
        stored = { record, version: String(writes) };
        return { outcome: 'written', version: stored.version };
      },
    };
    return { cluster, delete: () => (stored = undefined), holder: () => stored?.record.holder };
  }

  test.each([0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000])(
    'a Lease that is deleted after %s ms is made anew by its leader, and nobody leads beside it',
    async (ms) => {
      const lease = aLease();
      const a = aCandidate(new MemoryCluster({ clock }), 'a', { cluster: lease.cluster });
      await clock.advance(900);
      const b = aCandidate(new MemoryCluster({ clock }), 'b', { cluster: lease.cluster });
      await clock.advance(10_000 + ms);
      lease.delete();
      await clock.advance(30_000);
      expect([a.log, b.log]).toEqual([['leading', 'start'], ['following']]);
      expect(lease.holder()).toBe('a');
    },
  );

  test('a Lease that is deleted once its leader is gone goes to the next when it would have lapsed', async () => {
    const lease = aLease();
    const renewals = { on: true };
    const a = aCandidate(new MemoryCluster({ clock }), 'a', {
      cluster: {
        ...lease.cluster,
        async writeLeaderElectionLease(...args) {
          if (!renewals.on) throw new KcgError('Unavailable', 'cut off');
          return lease.cluster.writeLeaderElectionLease(...args);
        },
      },
    });
    await clock.advance(900);
    const b = aCandidate(new MemoryCluster({ clock }), 'b', { cluster: lease.cluster });
    await clock.advance(10_000);
    renewals.on = false;
    lease.delete();
    await clock.advance(11_000);
    expect([a.leads(), b.log]).toEqual([false, ['following']]);
    await clock.advance(7_000);
    expect(b.log).toEqual(['following', 'leading', 'start']);
  });

  test('stands down when the process was stopped longer than its Lease', async () => {
    const cluster = new MemoryCluster({ clock });
    const a = aCandidate(cluster, 'a');
    await clock.advance(5_000);
    clock.freeze(60_000);
    await clock.advance(5_000);
    expect(a.log).toEqual(['leading', 'start', 'lost', 'end', 'lost']);
  });

  test('ends without leading when stopped while following', async () => {
    const cluster = new MemoryCluster({ clock });
    aCandidate(cluster, 'a');
    await clock.advance(100);
    const b = aCandidate(cluster, 'b');
    await clock.advance(3_000);
    b.stop.abort();
    expect(await b.end).toBe('stopped');
    const before = calls;
    await clock.advance(1_000);
    expect(calls - before).toBeLessThanOrEqual(1);
  });

  test.each([
    { leaseDurationMs: 10_000, renewDeadlineMs: 10_000 },
    { renewDeadlineMs: 2_000, retryPeriodMs: 2_000 },
    { leaseDurationMs: 500, renewDeadlineMs: 300, retryPeriodMs: 100 },
  ])('refuses times that do not fit: %j', async (times) => {
    const cluster = new MemoryCluster({ clock });
    const options = { cluster, clock, random: () => 0.5, key, identity: 'a', ...times };
    const run = runAsLeader(options, new AbortController().signal, async () => {});
    await expect(run).rejects.toMatchObject({ code: 'InvalidInput' });
  });
});
