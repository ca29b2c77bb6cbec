import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { pauseGroup } from '../../src/leases/transitions.ts';
import { AGroup, type OneWorker } from './a-group.ts';

const types = ({ events }: OneWorker) => events.map(({ type }) => type);
const owners = (group: AGroup) =>
  group.table.rows().flatMap(({ shard_id, ref }) => (shard_id.startsWith('shardId-') ? [ref] : []));

describe('a paused group', () => {
  async function aGroup() {
    const group = new AGroup(4);
    const delivered: string[] = [];
    const start = (name: string) =>
      group.start(name, {
        handler: {
          handle: async ({ records }) => {
            delivered.push(...records.map(({ data }) => Buffer.from(data).toString()));
            return { outcome: 'done' };
          },
        },
      });
    return { group, delivered, start };
  }

  test('is not begun: nothing is owned and nothing is read', async () => {
    const { group, delivered, start } = await aGroup();
    await group.pause(true);
    const worker = start('a');
    group.put('x');
    await group.clock.advance(300_000);
    expect(types(worker)).not.toContain('ShardStarted');
    expect(delivered).toEqual([]);
    await group.until(worker.stop());
  });

  test('gives back every lease with its position, in the same processes, and goes on from there', async () => {
    const { group, delivered, start } = await aGroup();
    const workers = [start('a'), start('b')];
    await group.clock.advance(10_000);
    group.put('1');
    await group.clock.advance(5_000);
    await group.pause(true);
    for (const { worker } of workers) worker.nudged();
    await group.clock.advance(5_000);
    expect(owners(group)).toEqual([undefined, undefined, undefined, undefined]);
    group.put('2');
    await group.clock.advance(300_000);
    expect(delivered).toEqual(['1']);
    for (const worker of workers) {
      expect(types(worker)).toContain('WorkerPaused');
      expect(worker.worker.isPaused).toBe(true);
    }
    await group.pause(false);
    for (const { worker } of workers) worker.nudged();
    await group.clock.advance(10_000);
    expect(delivered).toEqual(['1', '2']);
    expect(new Set(owners(group)).size).toBe(2);
    for (const worker of workers) await group.until(worker.stop());
  });

  test('is quiet though a handler never ends: its batch is not done, and comes again', async () => {
    const { group } = await aGroup();
    let calls = 0;
    const handle = async (_: unknown, { signal }: { signal: AbortSignal }) => {
      calls += 1;
      if (calls > 1) return { outcome: 'done' as const };
      await group.clock.sleep(24 * 3_600_000, { signal });
      return { outcome: 'failed' as const, error: new KcgError('Aborted', 'told to stop') };
    };
    const worker = group.start('a', { handler: { handle } });
    await group.clock.advance(10_000);
    group.put('1');
    await group.clock.advance(5_000);
    await group.pause(true);
    worker.worker.nudged();
    await group.clock.advance(120_000);
    expect(owners(group)).toEqual([undefined, undefined, undefined, undefined]);
    expect(types(worker)).toContain('WorkerPaused');
    expect(calls).toBe(1);
    await group.pause(false);
    worker.worker.nudged();
    await group.clock.advance(30_000);
    expect(calls).toBe(2);
    await group.until(worker.stop());
  });

  test('is seen within a minute and a half by a worker that no nudge reaches', async () => {
    const { group, start } = await aGroup();
    const worker = start('a');
    await group.clock.advance(10_000);
    await group.pause(true);
    await group.clock.advance(90_000);
    expect(types(worker)).toContain('WorkerPaused');
    await group.pause(false);
    await group.clock.advance(90_000);
    expect(types(worker).at(-1)).toBe('ShardStarted');
    await group.until(worker.stop());
  });
});

test('only the resource that holds the claim pauses its group', async () => {
  const { table } = new AGroup(1);
  const claim = { resource_uid: 'u1', claimed_group: 'shop.orders' };
  await table.write({ name: 'claim', key: 'group#claim', kind: 'put', when: [], set: claim, proof: [] });
  expect((await table.write(pauseGroup('u2', true))).outcome).toBe('lost');
  expect((await table.write(pauseGroup('u1', true))).outcome).toBe('done');
  expect((await table.write(pauseGroup('u1', false))).row).toEqual({ shard_id: 'group#claim', ...claim });
});
