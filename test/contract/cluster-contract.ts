import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  ApplyResult,
  Cluster,
  KubeObject,
  ResourceKind,
  StoredObject,
} from '../../src/kubernetes/cluster.ts';
import { KINDS, keyOf } from '../../src/kubernetes/cluster.ts';

/** A kind of our own with a status subresource and any spec. */
export const WIDGET: ResourceKind = {
  apiVersion: 'test.kcg.dev/v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

export interface ClusterFixture {
  cluster: Cluster;
  /** Makes a namespace that no other test uses. */
  newNamespace(): Promise<string>;
  /** How long watches, garbage collection and events may take, ms. */
  patienceMs: number;
  stop(): Promise<void>;
}

/** What every `Cluster` does. */
export function clusterContract(name: string, start: () => Promise<ClusterFixture>): void {
  describe(`${name}, as a Cluster,`, () => {
    let fixture: ClusterFixture;
    let cluster: Cluster;
    let namespace: string;

    beforeAll(async () => {
      fixture = await start();
      cluster = fixture.cluster;
    });
    beforeEach(async () => {
      namespace = await fixture.newNamespace();
    });
    afterAll(async () => {
      await fixture?.stop();
    });

    const aWidget = (
      fields: Partial<KubeObject> = {},
      metadata: Partial<KubeObject['metadata']> = {},
    ): KubeObject => ({
      apiVersion: WIDGET.apiVersion,
      kind: WIDGET.kind,
      metadata: { namespace, name: 'w', ...metadata },
      ...fields,
    });
    const apply = async (object: KubeObject, fieldManager = 'kcg'): Promise<StoredObject> =>
      applied(await cluster.apply(WIDGET, object, { fieldManager }));
    const eventually = (check: () => void | Promise<void>) =>
      expect
        .poll(async () => (await check(), true), { timeout: fixture.patienceMs, interval: 20 })
        .toBe(true);

    test('creates what does not exist', async () => {
      const result = await cluster.apply(WIDGET, aWidget({ spec: { size: 1 } }), { fieldManager: 'kcg' });
      expect(result).toMatchObject({ outcome: 'applied', changed: true, object: { spec: { size: 1 } } });
      const held = await cluster.get(WIDGET, { namespace, name: 'w' });
      expect(held).toEqual(applied(result));
      expect(held?.metadata).toMatchObject({ name: 'w', namespace, generation: 1 });
      expect(held?.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(held?.metadata).not.toHaveProperty('managedFields');
    });

    test('changes nothing when the same is applied again', async () => {
      const first = await apply(aWidget({ spec: { size: 1 } }));
      const again = await cluster.apply(WIDGET, aWidget({ spec: { size: 1 } }), {
        fieldManager: 'kcg',
        known: first,
      });
      expect(again).toEqual({ outcome: 'applied', changed: false, object: first });
    });

    test('counts generations by spec, not by metadata', async () => {
      await apply(aWidget({ spec: { size: 1 } }));
      const labelled = await apply(aWidget({ spec: { size: 1 } }, { labels: { a: 'b' } }));
      expect(labelled.metadata.generation).toBe(1);
      const grown = await apply(aWidget({ spec: { size: 2 } }));
      expect(grown.metadata).toMatchObject({ generation: 2 });
      expect(grown.metadata).not.toHaveProperty('labels');
    });

    test('removes the fields a manager no longer applies, and only those', async () => {
      await apply(aWidget({ spec: { size: 1, colour: 'red' } }), 'kcg');
      await apply(aWidget({ spec: { weight: 3, colour: 'red' } }), 'other');
      const next = await apply(aWidget({ spec: { size: 1 } }), 'kcg');
      expect(next.spec).toEqual({ size: 1, weight: 3, colour: 'red' });
    });

    test('reports fields of other managers as a conflict and writes nothing', async () => {
      const before = await apply(aWidget({ spec: { size: 1 } }), 'other');
      const conflict = await cluster.apply(WIDGET, aWidget({ spec: { size: 2, colour: 'red' } }), {
        fieldManager: 'kcg',
      });
      expect(conflict).toMatchObject({ outcome: 'conflict', fields: [{ field: '.spec.size' }] });
      expect(JSON.stringify(conflict)).toContain('other');
      expect(await cluster.get(WIDGET, keyOf(before))).toEqual(before);
    });

    test('takes fields over when forced, and the other manager then has the conflict', async () => {
      await apply(aWidget({ spec: { size: 1 } }), 'other');
      const forced = await cluster.apply(WIDGET, aWidget({ spec: { size: 2 } }), {
        fieldManager: 'kcg',
        force: true,
      });
      expect(applied(forced).spec).toEqual({ size: 2 });
      const other = await cluster.apply(WIDGET, aWidget({ spec: { size: 1 } }), { fieldManager: 'other' });
      expect(other.outcome).toBe('conflict');
    });

    test('loses an apply whose uid or version no longer holds', async () => {
      const held = await apply(aWidget({ spec: { size: 1 } }));
      const uid = '00000000-0000-4000-8000-000000000000';
      const options = { fieldManager: 'kcg' };
      const absent = aWidget({ spec: { size: 2 } }, { name: 'absent', uid });
      expect((await cluster.apply(WIDGET, absent, options)).outcome).toBe('lost');
      expect((await cluster.apply(WIDGET, aWidget({ spec: { size: 2 } }, { uid }), options)).outcome).toBe(
        'lost',
      );
      await apply(aWidget({ spec: { size: 2 } }));
      const { resourceVersion } = held.metadata;
      const stale = await cluster.apply(WIDGET, aWidget({ spec: { size: 3 } }, { resourceVersion }), options);
      expect(stale.outcome).toBe('lost');
      expect((await cluster.get(WIDGET, keyOf(held)))?.spec).toEqual({ size: 2 });
    });

    test('refuses an object that the schema forbids as InvalidInput', async () => {
      const wrong = cluster.apply(WIDGET, aWidget({ spec: { size: -1 } }), { fieldManager: 'kcg' });
      await expect(wrong).rejects.toMatchObject({
        code: 'InvalidInput',
        message: expect.stringContaining('size'),
      });
    });

    test('applies status apart from spec and without a new generation', async () => {
      const held = await apply(aWidget({ spec: { size: 1 }, status: { ignored: true } }));
      expect(held).not.toHaveProperty('status');
      const status = {
        phase: 'Good',
        conditions: [aCondition('Ready', 'True'), aCondition('Stalled', 'False')],
      };
      const put = (to: unknown, known?: StoredObject) =>
        cluster.applyStatus(WIDGET, aWidget({ status: to, spec: { size: 9 } }), {
          fieldManager: 'kcg',
          known,
        });
      const stored = async () => (await cluster.get(WIDGET, keyOf(held)))!;
      expect(await put(status)).toMatchObject({ outcome: 'applied', changed: true });
      expect(await stored()).toMatchObject({ spec: { size: 1 }, status, metadata: { generation: 1 } });
      const less = { conditions: [aCondition('Ready', 'False')] };
      const next = await put(less, await stored());
      const known = await stored();
      expect(next).toEqual({ outcome: 'applied', changed: true, version: known.metadata.resourceVersion });
      expect(known.status).toEqual(less);
      expect(await put(less, known)).toEqual({ ...next, changed: false });
    });

    test('refuses a status that empties a map, and takes one without it', async () => {
      const held = await apply(aWidget({ spec: {} }));
      const put = (status: unknown) =>
        cluster.applyStatus(WIDGET, aWidget({ status }), { fieldManager: 'kcg' });
      await put({ phase: 'Good', lag: { seconds: 1 } });
      await expect(put({ phase: 'Good', lag: {} })).rejects.toMatchObject({
        code: 'InvalidInput',
        message: expect.stringContaining('status.lag: Invalid value: "null"') as string,
      });
      await put({ phase: 'Good' });
      expect((await cluster.get(WIDGET, keyOf(held)))?.status).toEqual({ phase: 'Good' });
    });

    test('loses a status for an object that is gone or another', async () => {
      const options = { fieldManager: 'kcg' };
      const status = { phase: 'Good' };
      expect((await cluster.applyStatus(WIDGET, aWidget({ status }), options)).outcome).toBe('lost');
      await apply(aWidget({ spec: {} }));
      const uid = '00000000-0000-4000-8000-000000000000';
      expect((await cluster.applyStatus(WIDGET, aWidget({ status }, { uid }), options)).outcome).toBe('lost');
    });

    test('patches metadata of the version it was shown, and loses otherwise', async () => {
      const held = await apply(aWidget({ spec: { size: 1 } }, { annotations: { keep: 'me', drop: 'me' } }));
      const patched = await cluster.patchMetadata(WIDGET, held, {
        annotations: { drop: null, add: 'me' },
        labels: { a: 'b' },
      });
      expect(patched).toMatchObject({
        outcome: 'patched',
        object: { metadata: { annotations: { keep: 'me', add: 'me' }, labels: { a: 'b' } } },
      });
      const stale = await cluster.patchMetadata(WIDGET, held, { annotations: { late: 'yes' } });
      expect(stale.outcome).toBe('lost');
    });

    test('keeps a deleted object until its last finalizer is removed', async () => {
      const held = await apply(aWidget({ spec: {} }));
      const guarded = await cluster.patchMetadata(WIDGET, held, { finalizers: ['kcg.dev/undo'] });
      expect(guarded.outcome).toBe('patched');
      expect(await cluster.delete(WIDGET, keyOf(held))).toEqual({ outcome: 'deleted' });
      const leaving = await cluster.get(WIDGET, keyOf(held));
      expect(leaving?.metadata.deletionTimestamp).toMatch(/^\d{4}-.*Z$/);
      if (!leaving) throw new Error('deleted in spite of its finalizer');
      expect((await cluster.patchMetadata(WIDGET, leaving, { finalizers: [] })).outcome).toBe('patched');
      expect(await cluster.get(WIDGET, keyOf(held))).toBeUndefined();
      expect((await cluster.patchMetadata(WIDGET, leaving, { finalizers: [] })).outcome).toBe('lost');
    });

    test('leaves patched metadata alone when its writer applies without it', async () => {
      const held = await apply(aWidget({ spec: {} }, { labels: { a: 'b' } }));
      const patch = { finalizers: ['kcg.dev/undo'], annotations: { note: 'x' } };
      expect((await cluster.patchMetadata(WIDGET, held, patch)).outcome).toBe('patched');
      const next = await apply(aWidget({ spec: {} }));
      expect(next.metadata).toMatchObject(patch);
      expect(next.metadata).not.toHaveProperty('labels');
      const without = await cluster.patchMetadata(WIDGET, next, { finalizers: [] });
      expect(without).toMatchObject({
        outcome: 'patched',
        object: { metadata: { annotations: patch.annotations } },
      });
      expect(without).not.toHaveProperty('object.metadata.finalizers');
    });

    test('deletes only the object that was meant', async () => {
      const held = await apply(aWidget({ spec: {} }));
      const uid = '00000000-0000-4000-8000-000000000000';
      expect(await cluster.delete(WIDGET, keyOf(held), { uid })).toEqual({ outcome: 'gone' });
      expect(await cluster.delete(WIDGET, keyOf(held), { uid: held.metadata.uid })).toEqual({
        outcome: 'deleted',
      });
      expect(await cluster.delete(WIDGET, keyOf(held))).toEqual({ outcome: 'gone' });
    });

    test('removes dependents of a deleted owner', async () => {
      const owner = await apply(aWidget({ spec: {} }));
      const { apiVersion, kind, metadata } = owner;
      const ownerReferences = [
        { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true },
      ];
      const child = await apply(aWidget({ spec: {} }, { name: 'child', ownerReferences }));
      await cluster.delete(WIDGET, keyOf(owner));
      await eventually(async () => expect(await cluster.get(WIDGET, keyOf(child))).toBeUndefined());
    });

    test('lists by namespace and label', async () => {
      const elsewhere = await fixture.newNamespace();
      await apply(aWidget({ spec: {} }, { name: 'a', labels: { team: 'x' } }));
      await apply(aWidget({ spec: {} }, { name: 'b', labels: { team: 'y' } }));
      await apply(aWidget({ spec: {} }, { name: 'c', namespace: elsewhere, labels: { team: 'x' } }));
      const names = async (options: Parameters<Cluster['list']>[1]) =>
        (await cluster.list(WIDGET, options)).map(({ metadata }) => metadata.name).sort();
      expect(await names({ namespace })).toEqual(['a', 'b']);
      expect(await names({ namespace, labels: { team: 'x' } })).toEqual(['a']);
      expect(await names({ labels: { team: 'x' } })).toEqual(expect.arrayContaining(['a', 'c']));
      expect((await cluster.list(WIDGET, { namespace })).every(({ kind }) => kind === 'Widget')).toBe(true);
    });

    test('writes the leader election Lease only over the version that was read', async () => {
      const key = { namespace, name: 'kcg-operator' };
      const record = {
        holder: 'a',
        leaseDurationSeconds: 15,
        acquiredAt: 1_795_000_000_123,
        renewedAt: 1_795_000_000_456,
        transitions: 0,
        namespaces: ['shop', 'pay'],
      };
      expect(await cluster.readLeaderElectionLease(key)).toBeUndefined();
      const created = await cluster.writeLeaderElectionLease(key, record);
      expect(created.outcome).toBe('written');
      expect((await cluster.writeLeaderElectionLease(key, record)).outcome).toBe('lost');
      const lease = await cluster.readLeaderElectionLease(key);
      expect(lease).toEqual({ record, version: created.outcome === 'written' && created.version });
      const next = { ...record, holder: '', transitions: 1 };
      const written = await cluster.writeLeaderElectionLease(key, next, { version: lease?.version });
      expect(written.outcome).toBe('written');
      const stale = await cluster.writeLeaderElectionLease(key, record, { version: lease?.version });
      expect(stale.outcome).toBe('lost');
      expect((await cluster.readLeaderElectionLease(key))?.record).toEqual(next);
    });

    test('counts a repeated event up instead of writing it again', async () => {
      const regarding = await apply(aWidget({ spec: {} }));
      const event = {
        regarding,
        type: 'Warning',
        reason: 'TableMissing',
        note: 'no table',
        action: 'Observe',
      } as const;
      for (let i = 0; i < 3; i += 1) cluster.recordEvent(event);
      cluster.recordEvent({ ...event, note: '→'.repeat(2_000) });
      await eventually(async () => {
        const events = await cluster.list(KINDS.event, { namespace });
        const counts = events.map(({ series }) => (series as { count: number } | undefined)?.count ?? 1);
        expect(counts.toSorted((a, b) => a - b)).toEqual([1, 3]);
        expect(events[0]).toMatchObject({
          reason: 'TableMissing',
          regarding: { uid: regarding.metadata.uid },
        });
      });
    });

    test('knows the cluster by an id that stays', async () => {
      const id = await cluster.clusterId();
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(await cluster.clusterId()).toBe(id);
    });

    test('tells the time by which objects are created', async () => {
      const object = await apply(aWidget({ spec: { size: 1 } }));
      const createdAt = Date.parse(object.metadata.creationTimestamp!);
      const nowMs = await cluster.now();
      expect(nowMs).toBeGreaterThanOrEqual(createdAt);
      expect(nowMs).toBeLessThan(createdAt + 60_000);
    });
  });
}

export function applied(result: ApplyResult): StoredObject {
  if (result.outcome !== 'applied') throw new Error(`${result.outcome}: ${result.message}`);
  return result.object;
}

function aCondition(type: string, status: string) {
  return { type, status, reason: 'Test', message: '', lastTransitionTime: '2026-11-23T19:25:17Z' };
}
