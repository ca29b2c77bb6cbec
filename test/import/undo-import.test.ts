import { describe, expect, it } from 'vitest';
import { undoImportOf } from '../../src/import/undo-import.ts';
import { failWrite, ImportScene } from './import-scene.ts';

const undo = (scene: ImportScene, living: string[] = []) =>
  undoImportOf({ table: scene.table, livingOf: () => living, signal: scene.signal });
const ONE = 'shardId-000000000001';

async function imported(scene = new ImportScene()): Promise<ImportScene> {
  await scene.import();
  return scene;
}

async function change(scene: ImportScene, key: string, set: Record<string, unknown>): Promise<void> {
  const row = await scene.table.get(key, { consistent: true });
  scene.table.store(key, { ...row, shard_id: key, ...set });
}

describe('an undo', () => {
  it('removes the rows and the snapshot, keeps the rest of the claim, and makes room for another import', async () => {
    const scene = await imported();
    await change(scene, 'group#claim', { claimed_group: 'orders' });
    expect(await undo(scene)).toMatchObject({ from: 'KCL table orders-app' });
    expect(scene.table.rows()).toEqual([
      { shard_id: 'group#claim', claimed_group: 'orders', layout_version: 1 },
    ]);
    expect(await undo(scene)).toBeUndefined();
    expect(await scene.import()).toMatchObject({ reason: 'Imported', isNew: true });
    expect(scene.positions()).toHaveLength(3);
  });

  it('also when workers have had the shards, and have added some, and processed nothing', async () => {
    const scene = await imported();
    await change(scene, ONE, { epoch: 2_000_000_000, why: 'Released', last_owner: 'w/1' });
    scene.table.store('shardId-000000000009', { shard_id: 'shardId-000000000009', sequence: 'TRIM_HORIZON' });
    await undo(scene);
    expect(scene.positions()).toEqual([]);
  });

  it.each([
    [
      'a position that has moved',
      ONE,
      { sequence: '2001' },
      'shardId-000000000001 has been read since: it stands at 2001',
    ],
    ['a shard that was ended', ONE, { sequence: 'SHARD_END' }, 'it stands at SHARD_END'],
    [
      'one that moved within an aggregate',
      'shardId-000000000002',
      { sub_sequence: 5 },
      'shardId-000000000002 has been read',
    ],
    [
      'a new shard that has begun',
      'shardId-000000000009',
      { sequence: '9' },
      'shardId-000000000009 has been read',
    ],
  ])('refuses %s, and removes nothing', async (_, key, set, message) => {
    const scene = await imported();
    await change(scene, key, set);
    const before = scene.table.rows();
    await expect(undo(scene)).rejects.toThrow(message);
    expect(scene.table.rows()).toEqual(before);
  });

  it('refuses while a worker may be alive', async () => {
    const scene = await imported();
    await expect(undo(scene, ['orders-worker-0'])).rejects.toThrow(
      'worker orders-worker-0 runs; stop the group first',
    );
    expect(scene.positions()).toHaveLength(3);
  });

  it('removes only what no worker has had when it is not known any more what was imported', async () => {
    const scene = await imported();
    for (const { shard_id } of scene.table.rows())
      if (shard_id.startsWith('import#')) scene.table.store(shard_id, undefined);
    await change(scene, ONE, { ref: 'w/1' });
    await expect(undo(scene)).rejects.toThrow('shardId-000000000001');
    await change(scene, ONE, { ref: undefined });
    await undo(scene);
    expect(scene.positions()).toEqual([]);
  });

  it.each(
    [1, 2, 3, 4, 5, 6].flatMap((nth) => [
      [nth, 'before'],
      [nth, 'after'],
    ]) as [number, 'before' | 'after'][],
  )(
    'that ends at write %i, %s its effect, is ended by the next, and nobody imports in between',
    async (nth, when) => {
      const scene = await imported();
      failWrite(scene, nth, when);
      await expect(undo(scene)).rejects.toMatchObject({ code: 'Timeout' });
      const { reason } = await scene.run().step(scene.signal);
      const isUndone = nth === 6 && when === 'after';
      const isUntouched = nth === 1 && when === 'before';
      expect(reason).toBe(isUndone ? 'ImportWaiting' : isUntouched ? 'Imported' : 'ImportUndoing');
      await undo(scene);
      expect(scene.table.rows()).toEqual([{ shard_id: 'group#claim', layout_version: 1 }]);
    },
  );
});
