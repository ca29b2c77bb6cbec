import { describe, expect, it } from 'vitest';
import type { ResetTarget } from '../../src/import/reset/reset-target.ts';
import { decodeLease } from '../../src/leases/lease.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';
import type { Row } from '../../src/leases/row.ts';
import { unreadOf } from '../../src/leases/unread.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { settle } from '../support/manual-clock.ts';
import { ResetScene, shardId } from './reset-scene.ts';

const OLDEST: ResetTarget = { type: 'TrimHorizon' };
const ALL_AGAIN = ['0 TRIM_HORIZON', '1 TRIM_HORIZON', '2 TRIM_HORIZON', '3 TRIM_HORIZON'];
const scene = () => new ResetScene().fill();

describe('a reset of a group that nobody reads', () => {
  it('to TrimHorizon brings finished shards back, with their lineage, and keeps what was', async () => {
    const s = await scene();
    const before = s.positions();
    const done = await s.reset(OLDEST);
    expect(done).toMatchObject({ outcome: 'done', reason: 'Reset', result: { unchanged: 2 } });
    expect(s.positions()).toEqual(ALL_AGAIN);
    expect(s.row(0)).toMatchObject({ epoch: 101, why: 'Reset' });
    // What was said of another position, or let the row go, is not said of this one.
    for (const attribute of ['ttl', 'ref']) expect(s.row(0)).not.toHaveProperty(attribute);
    for (const attribute of ['ts', 'behind_ms', 'read_at']) expect(s.row(1)).not.toHaveProperty(attribute);
    expect(s.row(2)).toMatchObject({ epoch: 100, parents: [shardId(0)] });
    expect(s.claim?.reset).toMatchObject({ id: 'uid-1', state: 'done' });
    const moved = done.outcome === 'done' ? done.result.moved : [];
    expect(moved.map(({ from, to }) => [from, to])).toEqual([
      ['SHARD_END', 'TRIM_HORIZON'],
      [s.sequences[1], 'TRIM_HORIZON'],
    ]);
    const undone = await s.reset({ type: 'Snapshot', snapshot: 'uid-1' }, { id: 'uid-2' });
    expect(undone).toMatchObject({ outcome: 'done' });
    expect(s.positions()).toEqual(before);
  });

  it('to TrimHorizon tells of no loss in a shard that came of one the stream has no more', async () => {
    const s = await scene();
    await s.clock.advance(30 * 86_400_000);
    s.table.store(shardId(1), { ...s.row(1)!, parents: ['shardId-0'] });
    await s.reset(OLDEST);
    const { parents, ...lease } = decodeLease(s.row(1)!);
    expect(parents).toEqual([]);
    expect(unreadOf({ ...lease, parents }, s.clock.now()).lostAfterMs).toBeUndefined();
  });

  it('gives shards back whose rows are gone, and whose children would be read without them', async () => {
    const s = await scene();
    s.table.store(shardId(0), undefined);
    await s.reset(OLDEST);
    expect(s.positions()).toEqual(ALL_AGAIN);
  });

  it('moves a child only once its parents are moved, however slow those are', async () => {
    const moved: string[] = [];
    let isFirst = true;
    const s = await new ResetScene({
      before: async (operation) => {
        const isSlow = isFirst && operation === 'move shard';
        if (isSlow) isFirst = false;
        if (isSlow) await settle();
      },
      onWrite: ({ name, key }) => void (name === 'move shard' && moved.push(key)),
    }).fill();
    for (const child of [2, 3]) s.table.store(shardId(child), undefined);
    await s.reset(OLDEST);
    expect(moved).toEqual([1, 0, 2, 3].map(shardId));
    expect(s.positions()).toEqual(ALL_AGAIN);
  });

  it('to Latest ends what is closed, and pins the moment by the clock of the stream', async () => {
    const s = await scene();
    await s.reset({ type: 'Latest' });
    const at = `AT_TIMESTAMP ${new Date(Math.floor(s.clock.now() / 1000) * 1000 - 2_000).toISOString()}`;
    expect(s.positions()).toEqual(['0 SHARD_END', `1 ${at}`, `2 ${at}`, `3 ${at}`]);
  });

  it('to a time begins there in shards that were open then, and reads whole what came of them', async () => {
    const s = await scene();
    const timestamp = new Date(s.noonMs).toISOString();
    await s.reset({ type: 'AtTimestamp', timestamp });
    const at = `AT_TIMESTAMP ${timestamp}`;
    expect(s.positions()).toEqual([`0 ${at}`, `1 ${at}`, '2 TRIM_HORIZON', '3 TRIM_HORIZON']);
  });

  it('to a time of which the stream keeps no more says what is gone', async () => {
    const s = await scene();
    await s.clock.advance(30 * 3_600_000);
    const timestamp = new Date(s.noonMs).toISOString();
    const dry = await s.reset({ type: 'AtTimestamp', timestamp }, { isDryRun: true });
    const kept = new Date(s.clock.now() - 24 * 3_600_000).toISOString();
    const notes = [`what was written before ${kept} is gone: the stream keeps 24 h`];
    expect(dry).toMatchObject({ result: { notes } });
  });

  it.each([
    ['TrimHorizon', ALL_AGAIN],
    ['Latest', undefined],
  ] as const)('undone where the group had not begun goes to its initial position, %s', async (type, all) => {
    const s = await scene();
    for (const n of [0, 1, 2, 3]) s.table.store(shardId(n), undefined);
    s.table.store('group#claim', { shard_id: 'group#claim', start_at: s.noonMs });
    await s.reset({ type: 'Latest' });
    const undo = { type: 'Snapshot', snapshot: 'uid-1' } as const;
    await s.reset(undo, { id: 'uid-2', spec: { initialPosition: { type } } });
    const at = `AT_TIMESTAMP ${new Date(s.noonMs).toISOString()}`;
    expect(s.positions()).toEqual(all ?? [`0 ${at}`, `1 ${at}`, '2 TRIM_HORIZON', '3 TRIM_HORIZON']);
  });

  it('to sequence numbers moves those shards and no others', async () => {
    const s = await scene();
    const positions = [{ shardId: shardId(1), after: s.sequences[0]! }];
    await s.reset({ type: 'SequenceNumbers', positions });
    expect(s.positions()).toEqual(['0 SHARD_END', `1 ${s.sequences[0]}`, '2 TRIM_HORIZON', '3 TRIM_HORIZON']);
    const at = [{ shardId: shardId(1), at: s.sequences[0]! }];
    await s.reset({ type: 'SequenceNumbers', positions: at }, { id: 'uid-2' });
    expect(s.positions()[1]).toBe(`1 before ${s.sequences[0]}`);
  });

  it("to another group's positions knows that its finished shards may have no rows any more", async () => {
    const s = await scene();
    s.other.store(shardId(1), { shard_id: shardId(1), epoch: 7, sequence: s.sequences[0]!, ref: 'b/c' });
    s.other.store(shardId(2), { shard_id: shardId(2), epoch: 7, sequence: 'TRIM_HORIZON' });
    s.other.store(shardId(3), { shard_id: shardId(3), epoch: 7, sequence: 'TRIM_HORIZON' });
    // Told by a service that knows no more than seconds.
    const stream_created_at = s.kinesis.describe('orders').createdAt - 400;
    s.other.store('group#claim', { shard_id: 'group#claim', stream_created_at });
    await s.reset({ type: 'Group', group: 'audit' });
    expect(s.positions()).toEqual(['0 SHARD_END', `1 ${s.sequences[0]}`, '2 TRIM_HORIZON', '3 TRIM_HORIZON']);
    // No more than positions is taken over.
    expect(s.row(1)).not.toHaveProperty('ref');
  });

  it('as a dry run writes nothing at all', async () => {
    const s = await scene();
    const before = JSON.stringify(s.table.rows());
    s.worker('orders-worker-0', [1]);
    const rows = JSON.stringify(s.table.rows());
    const dry = await s.reset(OLDEST, { isDryRun: true });
    expect(dry).toMatchObject({ reason: 'DryRun', message: '2 shards would move; nothing was written' });
    expect(dry).toMatchObject({ result: { moved: [{ shardId: shardId(0) }, { shardId: shardId(1) }] } });
    expect(JSON.stringify(s.table.rows())).toBe(rows);
    expect(before).not.toBe(rows);
  });

  it.each<[string, ResetTarget, string]>([
    [
      'a shard that is not there',
      { type: 'SequenceNumbers', positions: [{ shardId: shardId(9), after: '1' }] },
      'shardId-000000000009 is not in the stream',
    ],
    [
      'a number of no record of the shard',
      { type: 'SequenceNumbers', positions: [{ shardId: shardId(1), after: '1' }] },
      '1 is not in shardId-000000000001',
    ],
    ['a time to come', { type: 'AtTimestamp', timestamp: '2999-01-01T00:00:00Z' }, 'is in the future'],
    [
      'a snapshot that is not there',
      { type: 'Snapshot', snapshot: 'no-such' },
      'there is no snapshot no-such',
    ],
    ['a group without positions', { type: 'Group', group: 'audit' }, 'group audit has no positions'],
    [
      'a group of another stream',
      { type: 'Group', group: 'clicks' },
      'the positions of group clicks are of arn:aws:kinesis:eu-west-1:000000000000:stream/clicks, and this group reads arn:aws:kinesis:eu-west-1:000000000000:stream/orders. Nothing was written',
    ],
    [
      'a group of an earlier stream of the name',
      { type: 'Group', group: 'late' },
      'the positions of group late are of an earlier stream of this name',
    ],
    [
      'a group that has read its range',
      { type: 'Group', group: 'replay' },
      'shardId-000000000001 is finished there, and open in the stream: a group with spec.range has read all of its range, or the positions are of another stream',
    ],
  ])('refuses %s before anything is touched', async (_, to, message) => {
    const s = await scene();
    const { arn } = s.kinesis.describe('orders');
    const claims: Record<string, Partial<Row>> = {
      clicks: { stream_arn: arn.replace('orders', 'clicks') },
      late: { stream_arn: arn, stream_created_at: 1 },
    };
    if (to.group === 'replay')
      s.other.store(shardId(1), { shard_id: shardId(1), epoch: 7, sequence: 'SHARD_END' });
    const claim = claims[to.group ?? ''];
    if (claim) {
      s.other.store(shardId(1), { shard_id: shardId(1), epoch: 7, sequence: s.sequences[0]! });
      s.other.store('group#claim', { shard_id: 'group#claim', ...claim });
    }
    const rows = JSON.stringify(s.table.rows());
    const failed = await s.reset(to);
    expect(failed).toMatchObject({ outcome: 'failed', message: expect.stringContaining(message) as string });
    expect(JSON.stringify(s.table.rows())).toBe(rows);
  });
});

describe('a reset of a group that is read', () => {
  it('is refused as soon as a worker shows that it lives, and nothing is written', async () => {
    const s = await scene();
    s.worker('orders-worker-0', [1, 2]);
    const run = s.run(OLDEST);
    expect(await run.step(s.signal)).toMatchObject({ outcome: 'waiting', reason: 'Waiting' });
    s.worker('orders-worker-0', [1, 2]);
    const rows = JSON.stringify(s.table.rows());
    expect(await run.step(s.signal)).toMatchObject({
      outcome: 'failed',
      reason: 'WorkersRunning',
      message: 'worker orders-worker-0 runs, and whileRunning is Refuse. Nothing was written',
    });
    expect(JSON.stringify(s.table.rows())).toBe(rows);
  });

  it('goes on where its worker has ended without a word, once its lease is over, and fences it first', async () => {
    const s = await scene();
    s.worker('orders-worker-0', [1, 2]);
    expect(await s.reset(OLDEST)).toMatchObject({ outcome: 'done' });
    expect(s.positions()).toEqual(ALL_AGAIN);
    expect(s.table.rows().find(({ shard_id }) => shard_id === 'worker#orders-worker-0')).toMatchObject({
      state: 'dead',
    });
  });

  it('does not wait for the workers of a paused group, which own nothing', async () => {
    const s = await scene();
    s.worker('orders-worker-0', [], { state: 'starting' });
    s.table.store('group#claim', { ...s.table.rows().at(-2)!, shard_id: 'group#claim', paused: 1 });
    expect(await s.run(OLDEST).step(s.signal)).toMatchObject({ reason: 'StoppingWorkers' });
  });

  it('when told to stop makes workers hold still, waits for the last shard, and moves from where they ended', async () => {
    const s = await scene();
    s.worker('orders-worker-0', [1, 2]);
    const run = s.run(OLDEST, { stopsWorkers: true });
    expect(await run.step(s.signal)).toMatchObject({ reason: 'StoppingWorkers' });
    expect(s.claim?.reset).toMatchObject({ state: 'holding', by: 'KinesisOffsetReset shop/one' });
    // It is told at once.
    expect(s.table.rows().find(({ shard_id }) => shard_id === 'worker#orders-worker-0')).toMatchObject({
      knock: 1,
    });
    s.release(1, { sequence: s.sequences[1]! });
    s.worker('orders-worker-0', [2]);
    expect(await run.step(s.signal)).toMatchObject({
      reason: 'StoppingWorkers',
      message: 'waiting for 1 shard to be released by orders-worker-0',
    });
    expect(s.positions()[1]).toBe(`1 ${s.sequences[1]}`);
    s.release(2);
    expect(await run.step(s.signal)).toMatchObject({
      outcome: 'done',
      result: { moved: [{}, { from: s.sequences[1] }] },
    });
    expect(s.row(1)).toMatchObject({ epoch: 102, sequence: 'TRIM_HORIZON' });
  });

  it('waits for a shard that a worker took without having seen the hold, and moves it from there', async () => {
    const s = await scene();
    s.worker('orders-worker-0', []);
    const write = s.table.write.bind(s.table);
    let isTaken = false;
    s.table.write = async (row: RowWrite, options) => {
      if (row.name === 'move shard' && row.key === shardId(1) && !isTaken) {
        isTaken = true;
        s.table.store(shardId(1), { ...s.row(1)!, epoch: 101, ref: 'orders-worker-0/a' });
      }
      return write(row, options);
    };
    const run = s.run(OLDEST, { stopsWorkers: true });
    await run.step(s.signal);
    expect(await run.step(s.signal)).toMatchObject({ reason: 'StoppingWorkers' });
    expect(s.row(1)).toMatchObject({ ref: 'orders-worker-0/a' });
    expect(s.claim?.reset?.state).toBe('begun');
    s.release(1, { sequence: s.sequences[0]! });
    const done = await s.over(run);
    // Undo goes back to where that worker came to.
    expect(done).toMatchObject({ result: { moved: [{}, { shardId: shardId(1), from: s.sequences[0] }] } });
    expect(s.positions()).toEqual(ALL_AGAIN);
  });

  it('lets workers go on when it cannot be done after all', async () => {
    const s = await scene();
    const positions = [{ shardId: shardId(1), after: s.sequences[0]! }];
    s.worker('orders-worker-0', []);
    const run = s.run({ type: 'SequenceNumbers', positions }, { stopsWorkers: true });
    await run.step(s.signal);
    s.kinesis.deleteStream('orders');
    s.kinesis.createStream({ name: 'orders', shardCount: 1 });
    expect(await run.step(s.signal)).toMatchObject({ outcome: 'failed', reason: 'PositionsRefused' });
    expect(s.claim?.reset?.state).toBe('done');
  });
});

describe('a reset that ends half-way', () => {
  const WRITES = [
    'hold for reset',
    'put snapshot part',
    'begin reset',
    'move shard',
    'finish reset',
    'knock',
  ];

  it.each(WRITES.flatMap((name) => [[name, 'before'] as const, [name, 'after'] as const]))(
    'at "%s", %s its effect, is ended by the next attempt, from the same positions',
    async (name, when) => {
      const s = await scene();
      s.worker('orders-worker-0', []);
      const write = s.table.write.bind(s.table);
      s.table.write = async (row: RowWrite, options) => {
        if (row.name !== name) return write(row, options);
        if (when === 'after') await write(row, options);
        throw new KcgError('Timeout', 'no answer');
      };
      await expect(s.reset(OLDEST, { stopsWorkers: true })).rejects.toMatchObject({ code: 'Timeout' });
      // Nobody may take what is there for all there is.
      const isPartly = s.positions().join() !== ALL_AGAIN.join() && s.positions()[0] === ALL_AGAIN[0];
      if (isPartly) expect(s.claim?.reset?.state).toBe('begun');
      s.table.write = write;
      const done = await s.reset(OLDEST, { stopsWorkers: true });
      expect(done).toMatchObject({ outcome: 'done', result: { unchanged: 2 } });
      expect(s.positions()).toEqual(ALL_AGAIN);
      expect([s.row(0)?.['epoch'], s.row(1)?.['epoch'], s.row(2)?.['epoch']]).toEqual([101, 101, 100]);
      expect(s.claim?.reset?.state).toBe('done');
    },
  );

  it('is ended without its resource: what has begun is completed, what only holds is let go', async () => {
    for (const [last, positions] of [
      ['begin reset', ['0 SHARD_END', expect.any(String), '2 TRIM_HORIZON', '3 TRIM_HORIZON']],
      ['move shard', ALL_AGAIN],
    ] as const) {
      const s = await scene();
      const write = s.table.write.bind(s.table);
      s.table.write = async (row: RowWrite, options) => {
        if (row.name === last) throw new KcgError('Timeout', 'no answer');
        return write(row, options);
      };
      await expect(s.reset(OLDEST)).rejects.toThrow('no answer');
      s.table.write = write;
      await s.over(s.run(undefined));
      expect(s.positions()).toEqual(positions);
      expect(s.claim?.reset?.state).toBe('done');
    }
  });

  it('comes after another one, and of two at once both are done', async () => {
    const s = await scene();
    const positions = [{ shardId: shardId(1), after: s.sequences[0]! }];
    s.worker('orders-worker-0', []);
    const first = s.run(OLDEST, { stopsWorkers: true });
    expect(await first.step(s.signal)).toMatchObject({ outcome: 'waiting' });
    const second = s.run({ type: 'SequenceNumbers', positions }, { id: 'uid-2', stopsWorkers: true });
    expect(await second.step(s.signal)).toMatchObject({
      message: 'KinesisOffsetReset shop/one moves the positions; that has to be over first',
    });
    const both = await Promise.all([s.over(first), s.over(second)]);
    expect(both.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect(s.positions()[1]).toBe(`1 ${s.sequences[0]}`);
  });
});
