import { describe, expect, test } from 'vitest';
import { isOpen } from '../../src/kinesis/shard.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { isEnded } from '../../src/leases/lease.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { AGroup, type OneWorker } from './a-group.ts';

/* A group over a part of a stream: exactly the records of the range, and then it is complete. */

const claimOf = (group: AGroup) => decodeRows(group.table.rows()).claim;

interface Read {
  data: string;
  arrivedAt: number;
}

function start(group: AGroup, name: string, range: { from: number; to: number }, read: Read[]): OneWorker {
  return group.start(name, {
    config: { initialPosition: { type: 'AtTimestamp', timestampMs: range.from }, rangeEndMs: range.to },
    handler: {
      handle: async ({ records }: { records: readonly UserRecord[] }) => {
        for (const { data, arrivedAt } of records)
          read.push({ data: Buffer.from(data).toString(), arrivedAt });
        return { outcome: 'done' };
      },
    },
  });
}

async function untilComplete(group: AGroup): Promise<void> {
  for (let second = 0; second < 900; second += 1) {
    if (claimOf(group)?.completedAt !== undefined) return;
    await group.clock.advance(1_000);
  }
  throw new Error(`not complete: ${JSON.stringify(decodeRows(group.table.rows()).leases)}`);
}

/** Writes, splits and merges as chance has it; tells what was written when. */
async function live(group: AGroup, { seed, seconds }: { seed: number; seconds: number }): Promise<Read[]> {
  const random = seededRandom(seed);
  const written: Read[] = [];
  for (let second = 0; second < seconds; second += 1) {
    const shards = group.kinesis.listShards('orders').shards.filter(isOpen);
    for (let n = Math.floor(random() * 4); n > 0; n -= 1) {
      const data = `${seed}-${written.length}`;
      group.put(data, `key-${Math.floor(random() * 16)}`);
      written.push({ data, arrivedAt: group.clock.now() });
    }
    const at = Math.floor(random() * shards.length);
    const [one, next] = [
      shards[at]!,
      shards.toSorted((a, b) => (BigInt(a.hashStart) < BigInt(b.hashStart) ? -1 : 1)),
    ];
    if (random() < 0.05 && shards.length < 6) {
      const middle = (BigInt(one.hashStart) + BigInt(one.hashEnd)) / 2n;
      group.kinesis.splitShard('orders', one.shardId, String(middle));
    } else if (random() < 0.05 && next.length > 1)
      group.kinesis.mergeShards('orders', next[0]!.shardId, next[1]!.shardId);
    await group.clock.advance(1_000);
  }
  return written;
}

describe('a range', () => {
  const seeds = Array.from({ length: 12 }, (_, n) => Number(process.env['KCG_PROPERTY_SEED'] ?? 1) + n);

  test('that is over before any shard began is complete, and nothing of it is read', async () => {
    const group = new AGroup(2);
    group.put('a', 'key');
    await group.clock.advance(1_000);
    const read: Read[] = [];
    const before = group.clock.now() - 86_400_000;
    const worker = start(group, 'w-0', { from: before, to: before + 60_000 }, read);
    await untilComplete(group);
    await group.until(worker.stop());
    expect(read).toEqual([]);
    expect(decodeRows(group.table.rows()).leases).toEqual([]);
  });

  test('of the past ends where a merge behind it has a parent that began behind it as well', async () => {
    const group = new AGroup(2);
    const [low, high] = group.kinesis.listShards('orders').shards;
    const put = (data: string, { hashStart }: { hashStart: string }) =>
      group.kinesis.putRecord('orders', {
        partitionKey: 'a',
        data: Buffer.from(data),
        explicitHashKey: hashStart,
      });
    for (const shard of [low!, high!]) put(shard.shardId, shard);
    const range = { from: group.clock.now(), to: group.clock.now() + 5_000 };
    await group.clock.advance(60_000);
    // More than one read brings, so that the end of this shard is not seen.
    for (let n = 0; n < 150; n += 1) put('late', low!);
    group.kinesis.splitShard('orders', low!.shardId, String(2n ** 126n));
    await group.clock.advance(60_000);
    const next = group.kinesis.listShards('orders').shards.at(-1)!;
    group.kinesis.mergeShards('orders', next.shardId, high!.shardId);
    const read: Read[] = [];
    const worker = start(group, 'w-0', range, read);
    await untilComplete(group);
    await group.until(worker.stop());
    expect(read.map(({ data }) => data).sort()).toEqual([low!.shardId, high!.shardId]);
  });

  test.each(seeds)('of the past is delivered exactly, through any reshards (seed %i)', async (seed) => {
    const group = new AGroup(2);
    const startMs = group.clock.now();
    const written = await live(group, { seed, seconds: 120 });
    const range = { from: startMs + 30_000, to: startMs + 80_000 };
    const read: Read[] = [];
    const workers = [start(group, 'w-0', range, read), start(group, 'w-1', range, read)];
    await untilComplete(group);
    await Promise.all(workers.map((worker) => group.until(worker.stop())));
    const wanted = written.filter(({ arrivedAt }) => arrivedAt >= range.from && arrivedAt <= range.to);
    expect(read.map(({ data }) => data).sort()).toEqual(wanted.map(({ data }) => data).sort());
    // Nor are shards that began after it looked at.
    const { leases } = decodeRows(group.table.rows());
    expect(leases.every(isEnded)).toBe(true);
  });

  test.each(seeds.slice(0, 6))(
    'that is not over yet is read to its end, also when a worker is killed (seed %i)',
    async (seed) => {
      const group = new AGroup(2);
      const startMs = group.clock.now();
      const range = { from: startMs, to: startMs + 60_000 };
      const read: Read[] = [];
      const killed = start(group, 'w-0', range, read);
      const other = start(group, 'w-1', range, read);
      const before = await live(group, { seed, seconds: 30 });
      killed.crash();
      const after = await live(group, { seed: seed + 1_000, seconds: 60 });
      await untilComplete(group);
      expect(claimOf(group)?.completedAt).toBeGreaterThan(range.to);
      await group.until(other.stop());
      const wanted = [...before, ...after].filter(({ arrivedAt }) => arrivedAt <= range.to);
      expect([...new Set(read.map(({ data }) => data))].sort()).toEqual(
        wanted.map(({ data }) => data).sort(),
      );
      expect(read.filter(({ arrivedAt }) => arrivedAt > range.to)).toEqual([]);
    },
  );

  test('without any record is complete as well, and stays so', async () => {
    const group = new AGroup(2);
    const range = { from: group.clock.now() - 1_000, to: group.clock.now() + 5_000 };
    const read: Read[] = [];
    const worker = start(group, 'w-0', range, read);
    await untilComplete(group);
    await group.until(worker.stop());
    const { completedAt } = claimOf(group)!;
    const again = start(group, 'w-1', range, read);
    group.put('late');
    await group.clock.advance(120_000);
    await group.until(again.stop());
    expect(read).toEqual([]);
    expect(claimOf(group)?.completedAt).toBe(completedAt);
  });
});
