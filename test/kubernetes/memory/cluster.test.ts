import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { MemoryCluster } from '../../../src/kubernetes/memory/cluster.ts';
import { clusterContract, WIDGET } from '../../contract/cluster-contract.ts';
import { clusterWatchContract } from '../../contract/cluster-watch-contract.ts';

function admit(object: { spec?: unknown }): string[] {
  const { size = 0 } = (object.spec ?? {}) as { size?: number };
  return size < 0 ? ['spec.size must not be negative'] : [];
}

let namespaces = 0;
const start = async () => ({
  cluster: new MemoryCluster({ clock: systemClock, admit }),
  newNamespace: async () => `ns-${(namespaces += 1)}`,
  patienceMs: 1_000,
  stop: async () => {},
});
clusterContract('the memory twin', start);
clusterWatchContract('the memory twin', start);

describe('the memory twin', () => {
  const key = { namespace: 'shop', name: 'w' };
  const aWidget = (spec: unknown) => ({
    apiVersion: WIDGET.apiVersion,
    kind: WIDGET.kind,
    metadata: key,
    spec,
  });

  test('records every write of the port and whether it changed anything', async () => {
    const cluster = new MemoryCluster({ clock: systemClock });
    await cluster.apply(WIDGET, aWidget({ size: 1 }), { fieldManager: 'kcg' });
    await cluster.apply(WIDGET, aWidget({ size: 1 }), { fieldManager: 'kcg' });
    await cluster.get(WIDGET, key);
    await cluster.delete(WIDGET, key);
    cluster.create(WIDGET, aWidget({ size: 2 }));
    expect(cluster.writes).toEqual([
      { verb: 'apply', on: 'Widget shop/w', changed: true },
      { verb: 'apply', on: 'Widget shop/w', changed: false },
      { verb: 'delete', on: 'Widget shop/w', changed: true },
    ]);
  });

  test('gives other clients the fields they changed', async () => {
    const cluster = new MemoryCluster({ clock: systemClock });
    await cluster.apply(WIDGET, aWidget({ size: 1, colour: 'red' }), { fieldManager: 'kcg' });
    cluster.update(WIDGET, key, (draft) => Object.assign(draft.spec as object, { size: 5 }));
    const result = await cluster.apply(WIDGET, aWidget({ size: 1, colour: 'blue' }), { fieldManager: 'kcg' });
    expect(result).toMatchObject({
      outcome: 'conflict',
      fields: [{ field: '.spec.size', manager: '"kubectl"' }],
    });
  });

  test('merges containers by name and removes one nobody applies any more', async () => {
    const cluster = new MemoryCluster({ clock: systemClock });
    const containers = (...names: string[]) =>
      aWidget({
        containers: names.map((name) => ({
          name,
          image: `${name}:1`,
          args: ['x', 'y'],
          ports: [{ containerPort: 8080 }],
        })),
      });
    await cluster.apply(WIDGET, containers('worker', 'app'), { fieldManager: 'kcg' });
    await cluster.apply(WIDGET, containers('sidecar'), { fieldManager: 'mesh' });
    await cluster.apply(WIDGET, containers('worker'), { fieldManager: 'kcg' });
    const { spec } = (await cluster.get(WIDGET, key)) ?? {};
    expect((spec as { containers: { name: string }[] }).containers.map(({ name }) => name)).toEqual([
      'worker',
      'sidecar',
    ]);
  });

  test('hands out frozen objects, so that nobody changes the cluster by accident', () => {
    const object = new MemoryCluster({ clock: systemClock }).create(WIDGET, aWidget({ size: 1 }));
    expect(() => Object.assign(object.spec as object, { size: 2 })).toThrow(TypeError);
  });

  test('fails a call when told to, before its effect', async () => {
    const before = async (operation: string) => {
      if (operation === 'delete') throw new Error('no network');
    };
    const cluster = new MemoryCluster({ clock: systemClock, before });
    cluster.create(WIDGET, aWidget({}));
    await expect(cluster.delete(WIDGET, key)).rejects.toThrow('no network');
    expect(await cluster.get(WIDGET, key)).toBeDefined();
  });
});
