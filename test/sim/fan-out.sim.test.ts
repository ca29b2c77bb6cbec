import { describe, expect, it } from 'vitest';
import { parseRef } from '../../src/leases/lease.ts';
import { Scenario } from './scenario.ts';

const MINUTE = 60_000;

describe('a group that reads with a stream consumer', () => {
  const troubles = (group: Scenario) =>
    group.trace.events().filter(({ event }) => event.type === 'ReadTrouble' && event.error);

  it('reads for an hour without polling, a break or a word of trouble', async () => {
    const group = new Scenario({ shards: 4, workers: 2, fanOut: true });
    await group.settle();
    await group.pass(60 * MINUTE);
    await group.deliverAll(10_000);
    expect(group.calls.has('GetRecords')).toBe(false);
    const perShard = group.calls.get('SubscribeToShard')! / 4;
    expect(perShard).toBeGreaterThan(11);
    expect(perShard).toBeLessThan(18);
    expect(troubles(group)).toEqual([]);
  });

  it('hands shards over without two subscriptions at a time and without a word of trouble', async () => {
    const group = new Scenario({ shards: 8, workers: 2, fanOut: true });
    await group.settle();
    for (const replicas of [4, 8, 3]) {
      group.deployment.scaleTo(replicas);
      await group.settle();
      await group.pass(10_000);
    }
    group.deployment.rollOut();
    await group.settle();
    await group.deliverAll();
    expect(troubles(group)).toEqual([]);
  });

  it('goes on where a worker died, when its last subscription lets it', async () => {
    const group = new Scenario({ shards: 4, workers: 2, fanOut: true });
    await group.settle();
    group.alive()[0]!.process.kill();
    const changes = await group.settle();
    expect(changes.length).toBeGreaterThanOrEqual(2);
    await group.deliverAll();
    expect(troubles(group)).toEqual([]);
  });

  it('reads children after their parents through splits and merges', async () => {
    const group = new Scenario({ shards: 4, workers: 2, fanOut: true });
    await group.settle();
    for (const shards of [8, 4, 2]) {
      group.kinesis.updateShardCount('orders', shards);
      await group.settle();
    }
    await group.deliverAll();
  });

  it('is changed from polling and back in place, while records flow, and loses none', async () => {
    const group = new Scenario({ shards: 6, workers: 3 });
    await group.settle();
    for (const type of ['EnhancedFanOut', 'Polling'] as const) {
      group.readWith(type);
      group.deployment.rollOut();
      const changes = await group.settle();
      expect(new Set(changes.map(({ to }) => to && parseRef(to).worker)).size).toBeGreaterThan(0);
      const before = group.calls.get('GetRecords') ?? 0;
      await group.pass(MINUTE);
      const polls = (group.calls.get('GetRecords') ?? 0) - before;
      if (type === 'Polling') expect(polls).toBeGreaterThan(0);
      else expect(polls).toBe(0);
    }
    await group.deliverAll();
    expect(troubles(group)).toEqual([]);
  });
});
