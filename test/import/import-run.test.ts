import { describe, expect, it } from 'vitest';
import { decodeClaim } from '../../src/leases/claim.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { ImportRun } from '../../src/import/import-run.ts';
import { readSnapshot } from '../../src/import/import-snapshot.ts';
import { failWrite, ImportScene } from './import-scene.ts';

const ALL = ['0 SHARD_END', '1 2000', '2 3000+4'];
const claimOf = async (scene: ImportScene) =>
  decodeClaim((await scene.table.get('group#claim', { consistent: true }))!);

describe('an import', () => {
  it('waits until the other has stood still for its expiry, and then writes every shard, parents first', async () => {
    const written: string[] = [];
    const scene = new ImportScene({ onWrite: ({ name, key }) => written.push(`${name} ${key.at(-1)}`) });
    const run = scene.run();
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'ImportWaiting', isSettled: false });
    await scene.clock.advance(9_999);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'ImportWaiting' });
    expect(written).toEqual([]);
    await scene.clock.advance(1);
    const done = await run.step(scene.signal);
    expect(done).toMatchObject({ reason: 'Imported', isSettled: true, isNew: true, record: { shards: 3 } });
    expect(scene.positions()).toEqual(ALL);
    expect(written).toEqual([
      'put snapshot part 0',
      'begin import m',
      'put imported shard 0',
      'put imported shard 1',
      'put imported shard 2',
      'finish import m',
    ]);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'Imported', isSettled: true });
    expect(written).toHaveLength(6);
  });

  it('refuses one that lives, names what moved, and goes on by itself once it stands still', async () => {
    const scene = new ImportScene();
    const run = scene.run();
    await run.step(scene.signal);
    await scene.clock.advance(5_000);
    scene.move();
    const live = await run.step(scene.signal);
    expect(live).toMatchObject({ reason: 'SourceLive', isSettled: false });
    expect(live.message).toContain('shardId-000000000001 of theirs-1 has just moved');
    expect(live.message).toContain(
      'Stop it; the import goes on by itself once its rows have stood still for 10 s',
    );
    await scene.clock.advance(9_999);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'SourceLive', message: live.message });
    await scene.clock.advance(1);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'Imported' });
  });

  it('of a shadow does not wait, as what the other does meanwhile is no harm', async () => {
    const scene = new ImportScene();
    const { table, clock, source } = scene;
    const run = new ImportRun({
      table,
      source,
      clock,
      random: () => 0.5,
      isShadow: true,
      leaseDurationMs: 15_000,
    });
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'Imported', isNew: true });
  });

  it('waits for a lease that lasts longer than the rows stand still, unless it was given up', async () => {
    const scene = new ImportScene();
    const leasedUntilMs = scene.clock.now() + 60_000;
    const hold = (owner?: string) => {
      const [first, second, third] = scene.foreign.positions;
      const held = { ...second!, leasedUntilMs };
      delete held.owner;
      if (owner !== undefined) held.owner = owner;
      scene.foreign = { ...scene.foreign, positions: [first!, held, third!] };
    };
    hold('theirs-1');
    const run = scene.run();
    await run.step(scene.signal);
    await scene.clock.advance(12_000);
    expect(await run.step(scene.signal)).toMatchObject({
      reason: 'ImportWaiting',
      message: expect.stringContaining(
        `theirs-1 has shardId-000000000001 until ${new Date(leasedUntilMs).toISOString()}`,
      ),
      againInMs: 5_000,
    });
    hold();
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'Imported' });
    const again = new ImportScene();
    again.foreign = {
      ...scene.foreign,
      positions: scene.foreign.positions.map((at) => ({ ...at, owner: 'theirs-1' })),
    };
    expect(await again.import()).toMatchObject({ reason: 'Imported' });
    expect(again.clock.now()).toBe(leasedUntilMs);
  });

  it('takes the positions as they are at last', async () => {
    const scene = new ImportScene();
    const run = scene.run();
    await run.step(scene.signal);
    const [first, , third] = scene.foreign.positions;
    const moved = { ...scene.foreign.positions[1]!, point: { at: 'SEQUENCE', sequence: '2222' } as const };
    scene.foreign = { ...scene.foreign, positions: [first!, moved, third!], movement: 'other' };
    expect(await scene.import(run)).toMatchObject({ reason: 'Imported' });
    expect(scene.positions()).toContain('1 2222');
  });

  it('does nothing to a group that has positions, and does not look at the other', async () => {
    const scene = new ImportScene();
    scene.table.store('shardId-000000000001', { shard_id: 'shardId-000000000001', sequence: '2' });
    expect(await scene.run().step(scene.signal)).toMatchObject({
      reason: 'ImportNotNeeded',
      isSettled: true,
    });
    expect(scene.looks).not.toHaveBeenCalled();
  });

  it('waits for a worker of the group, until its beat has stood still', async () => {
    const scene = new ImportScene();
    const worker = { shard_id: 'worker#a', incarnation: 'x', beat: 1, state: 'live' };
    scene.table.store('worker#a', worker);
    const run = scene.run();
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'WorkersRunning', isSettled: false });
    await scene.clock.advance(10_000);
    scene.table.store('worker#a', { ...worker, beat: 2 });
    await run.step(scene.signal);
    await scene.clock.advance(10_000);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'WorkersRunning' });
    await scene.clock.advance(5_000);
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'ImportWaiting' });
  });

  it.each([
    ['NotFound', 'SourceNotFound'],
    ['AccessDenied', 'SourceAccessDenied'],
    ['Credentials', 'SourceCredentials'],
    ['Conflict', 'SourceRefused'],
    ['Timeout', 'SourceUnreachable'],
  ] as const)('tells an error %s of the source as %s, and tries again', async (code, reason) => {
    const scene = new ImportScene();
    const error = new KcgError(code, 'there is no table orders-app', { fix: 'Name another.' });
    const source = { ...scene.source, look: () => Promise.reject(error) };
    const progress = await scene.run(source).step(scene.signal);
    expect(progress).toMatchObject({ reason, isSettled: false, againInMs: 30_000 });
    expect(progress.message).toContain('there is no table orders-app. Name another.');
  });

  it('writes nothing of rows that make no sense, or of none', async () => {
    const scene = new ImportScene();
    scene.foreign = { ...scene.foreign, refusals: ['row x: what is that', 'row y', 'row z', 'row 4'] };
    const refused = await scene.run().step(scene.signal);
    expect(refused).toMatchObject({ reason: 'SourceRefused', isSettled: false });
    expect(refused.message).toBe('KCL table orders-app: row x: what is that; row y; row z; and 1 more');
    scene.foreign = {
      ...scene.foreign,
      refusals: [],
      positions: [],
      skipped: [{ row: 'Leader', why: 'no lease' }],
    };
    const empty = await scene.run().step(scene.signal);
    expect(empty.reason).toBe('SourceEmpty');
    expect(empty.message).toContain('holds no position in this stream, and 1 row of other things');
    expect(scene.table.rows()).toEqual([]);
  });

  it('keeps what it read and what it made of it, where readers of rows pass over it', async () => {
    const scene = new ImportScene();
    await scene.import();
    const { imported } = await claimOf(scene);
    expect(imported).toMatchObject({ state: 'done', from: 'KCL table orders-app', shards: 3, parts: 1 });
    const kept = await readSnapshot(scene.table, imported!);
    expect(kept.rows).toMatchObject({ rows: [{ leaseKey: 'a' }] });
    expect(kept.positions?.positions).toHaveLength(3);
    expect(kept.shards.map(({ why }) => why)).toContain('its last checkpoint');
    expect(decodeRows(scene.table.rows()).leases).toHaveLength(3);
  });

  it('keeps what it made when what it read is too much, in parts below the limit of a row', async () => {
    const scene = new ImportScene();
    const noise = Array.from({ length: 60_000 }, (_, n) => ({ leaseKey: `${Math.sin(n)}${Math.cos(n)}` }));
    const source = {
      ...scene.source,
      look: async (by: { signal: AbortSignal; nowMs: number }) => ({
        ...(await scene.source.look(by)),
        rows: { source: 's', rows: noise },
      }),
    };
    await scene.import(scene.run(source));
    const { imported } = await claimOf(scene);
    const kept = await readSnapshot(scene.table, imported!);
    expect(kept.rows).toBeUndefined();
    expect(kept.shards).toHaveLength(3);
    for (const row of scene.table.rows()) expect(JSON.stringify(row).length).toBeLessThan(390_000);
  });
});

describe('an import that ends half-way', () => {
  const CRASHES = [1, 2, 3, 4, 5, 6].flatMap((nth) => [[nth, 'before'] as const, [nth, 'after'] as const]);

  it.each(CRASHES)(
    'at write %i, %s its effect, is completed by the next, from what the first had read',
    async (nth, when) => {
      const scene = new ImportScene();
      failWrite(scene, nth, when);
      await expect(scene.import()).rejects.toMatchObject({ code: 'Timeout' });
      const begun = decodeRows(scene.table.rows()).claim?.imported !== undefined;
      // Nobody may take what is there for all there is.
      if (scene.positions().length > 0) expect(begun).toBe(true);
      // The other has gone on meanwhile, so that a second look would find something else.
      if (begun) {
        const [first, second, third] = scene.foreign.positions;
        const point = { at: 'SEQUENCE', sequence: '2999' } as const;
        scene.foreign = { ...scene.foreign, positions: [first!, { ...second!, point }, third!] };
      }
      expect(await scene.import()).toMatchObject({ reason: 'Imported', isSettled: true });
      expect(scene.positions()).toEqual(ALL);
      expect((await claimOf(scene)).imported?.state).toBe('done');
    },
  );

  it('is completed without its source', async () => {
    const scene = new ImportScene();
    await scene.import();
    const claim = (await scene.table.get('group#claim', { consistent: true }))!;
    scene.table.store('group#claim', { ...claim, import_state: 'begun' });
    scene.table.store('shardId-000000000002', undefined);
    const run = scene.run('none');
    expect(await run.step(scene.signal)).toMatchObject({ reason: 'Imported', isNew: true });
    expect(scene.positions()).toEqual(ALL);
  });

  it('of two at once one begins, and both end in the same rows', async () => {
    const scene = new ImportScene();
    const runs = [scene.run(scene.source, 1), scene.run(scene.source, 2)];
    for (const run of runs) await run.step(scene.signal);
    await scene.clock.advance(10_000);
    const both = await Promise.all(runs.map((run) => scene.import(run)));
    expect(both.map(({ reason }) => reason)).toEqual(['Imported', 'Imported']);
    expect(scene.positions()).toEqual(ALL);
    expect(new Set(both.map(({ record }) => record?.id)).size).toBe(1);
    // The other's snapshot is gone.
    expect(scene.table.rows().filter(({ shard_id }) => shard_id.startsWith('import#'))).toHaveLength(1);
  });

  it('does not take the row of somebody else for its own', async () => {
    const scene = new ImportScene();
    const run = scene.run();
    await run.step(scene.signal);
    await scene.clock.advance(10_000);
    const write = scene.table.write.bind(scene.table);
    scene.table.write = async (row, options) => {
      // A worker that has read the claim before it was marked adds a shard.
      if (row.name === 'begin import')
        scene.table.store('shardId-000000000001', {
          shard_id: 'shardId-000000000001',
          epoch: 1,
          sequence: 'TRIM_HORIZON',
        });
      return write(row, options);
    };
    const progress = await run.step(scene.signal);
    expect(progress).toMatchObject({ reason: 'ImportConflict', isSettled: false });
    expect(progress.message).toContain('shardId-000000000001');
    expect((await claimOf(scene)).imported?.state).toBe('begun');
  });
});
