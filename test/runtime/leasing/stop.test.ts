import { describe, expect, it } from 'vitest';
import { decodeRows } from '../../../src/leases/group-rows.ts';
import { parseRef } from '../../../src/leases/lease.ts';
import { giveShard } from '../../../src/leases/transitions.ts';
import { KcgError, type ErrorCode } from '../../../src/lib/errors.ts';
import { AGroup, LEASE_MS, type OneWorker } from '../a-group.ts';

const stopped = ({ events }: OneWorker) =>
  events.flatMap((event) => (event.type === 'ShardStopped' ? [event.reason] : []));

describe('a clean stop', () => {
  it.each<[string, ErrorCode]>([
    ['give', 'Credentials'],
    ['give', 'AccessDenied'],
    ['give', 'Throttled'],
    ['give', 'Unavailable'],
    ['beat', 'AccessDenied'],
    ['query all', 'AccessDenied'],
    ['remove worker', 'Credentials'],
  ])(
    'delivers nothing twice and leaves nothing behind when its first %s is answered %s',
    async (what, code) => {
      let failures = 0;
      const group = new AGroup(2, {
        before: async (operation) => {
          if (operation === what && failures > 0 && failures--) throw new KcgError(code, 'injected');
        },
      });
      const delivered: string[] = [];
      const handle = async ({ records }: { records: readonly { data: Uint8Array }[] }) => {
        delivered.push(...records.map(({ data }) => Buffer.from(data).toString()));
        return { outcome: 'done' as const };
      };
      const workers = ['a', 'b'].map((name) => group.start(name, { handler: { handle } }));
      await group.clock.advance(10_000);
      const count = 20;
      for (let i = 0; i < count; i += 1) group.put(`${i}`, `${i}`);
      await group.clock.advance(2_000);
      expect(delivered).toHaveLength(count);
      failures = 1;
      await group.until(workers[0]!.stop());
      expect(failures).toBe(0);
      expect(stopped(workers[0]!)).toEqual(['GivenByDraining']);
      expect(decodeRows(group.table.rows()).workers.map(({ worker }) => worker)).toEqual(['b']);
      await group.clock.advance(3 * LEASE_MS);
      expect(delivered).toHaveLength(count);
      await group.until(workers[1]!.stop());
    },
  );

  it('gives each shard away though a read that is behind still shows the worker live', async () => {
    let isBehind = false;
    const group = new AGroup(4, { staleness: (key) => (isBehind && key === 'worker#a' ? 7 : 0) });
    const handle = async () => {
      await group.clock.sleep(8_000);
      return { outcome: 'done' as const };
    };
    const a = group.start('a', { handler: { handle } });
    const b = group.start('b');
    await group.clock.advance(20_000);
    for (let i = 0; i < 20; i += 1) group.put('slow', `${i}`);
    await group.clock.advance(2_000);
    isBehind = true;
    await group.until(a.stop());
    isBehind = false;
    expect(stopped(a)).toEqual(['GivenByDraining', 'GivenByDraining']);
    await group.until(b.stop());
  });
});

it('workers that stop together give no shard to one of them that has gone since', async () => {
  const group = new AGroup(9);
  const handle = async () => {
    await group.clock.sleep(1_000);
    return { outcome: 'done' as const };
  };
  const slow = group.start('a', { handler: { handle } });
  const [quick, staying] = [group.start('b'), group.start('c')];
  await group.clock.advance(20_000);
  for (let i = 0; i < 50; i += 1) group.put(`${i}`, `${i}`);
  await group.clock.advance(1_000);
  const stopping = slow.stop();
  await group.clock.advance(10);
  await group.until(Promise.all([stopping, quick.stop()]));
  const owners = decodeRows(group.table.rows()).leases.map(({ owner }) => parseRef(owner!).worker);
  expect(owners).toEqual(Array(9).fill('c'));
  expect(stopped(slow)).toEqual(['GivenByDraining', 'GivenByDraining', 'GivenByDraining']);
  await group.until(staying.stop());
});

describe('a nudge that comes while the round reads the worker rows', () => {
  it('is answered by a strong read, whatever that round finds', async () => {
    let onWorkers = async () => {};
    let isBehind = false;
    const group = new AGroup(1, {
      before: (operation) => (operation === 'query workers' ? onWorkers() : Promise.resolve()),
      staleness: (key) => (isBehind && key.startsWith('shardId-') ? 1 : 0),
    });
    const a = group.start('a');
    await group.clock.advance(10_000);
    const b = group.start('b');
    await group.clock.advance(10_000);
    const [lease] = decodeRows(group.table.rows()).leases;
    const spare = decodeRows(group.table.rows()).workers.find(({ worker }) => worker === 'b')!;
    onWorkers = async () => {
      onWorkers = async () => {};
      const own = { shardId: lease!.shardId, epoch: lease!.epoch, owner: parseRef(lease!.owner!) };
      await group.table.write(giveShard(own, { ...spare, why: 'GivenToBalance' }, undefined, 0));
      group.table.store('worker#z', { shard_id: 'worker#z', incarnation: 'z', state: 'dead' });
      isBehind = true;
      b.worker.nudged();
    };
    a.crash(); // so that the read is b's
    await group.clock.advance(LEASE_MS / 2);
    isBehind = false;
    expect(b.events.map(({ type }) => type)).toContain('ShardStarted');
    await group.until(b.stop());
  });
});

it.each([
  ['', 'a'],
  [' though it was to give it just then', 'b'],
])('a worker that cannot end a shard stops all the same, and leaves that to others%s', async (_, second) => {
  const group = new AGroup(2, {
    before: async (operation) => {
      if (operation === 'end shard') throw new KcgError('AccessDenied', 'no');
    },
  });
  const a = group.start('a');
  await group.clock.advance(5_000);
  group.kinesis.mergeShards('orders', 'shardId-000000000000', 'shardId-000000000001');
  if (second !== 'a') group.start(second);
  await group.clock.advance(10_000);
  let isStopped = false;
  void a.stop().then(() => (isStopped = true));
  await group.clock.advance(60_000);
  expect(isStopped).toBe(true);
});
