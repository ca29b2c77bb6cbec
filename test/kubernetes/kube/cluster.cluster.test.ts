import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { KINDS, type ResourceKind, type StoredObject } from '../../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../../src/kubernetes/kube/config.ts';
import { LineCutter } from '../../../src/kubernetes/kube/lines.ts';
import { KubeReflector, type ReflectorEvent } from '../../../src/kubernetes/kube/reflector.ts';
import { KubeTransport, type RequestReport } from '../../../src/kubernetes/kube/transport.ts';
import { clusterContract, WIDGET, type ClusterFixture } from '../../contract/cluster-contract.ts';
import { clusterWatchContract } from '../../contract/cluster-watch-contract.ts';
import { startControlPlane } from '../../support/control-plane.ts';

const CRD: ResourceKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

const conditions = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status'],
    properties: {
      type: { type: 'string' },
      status: { type: 'string' },
      reason: { type: 'string' },
      message: { type: 'string' },
      lastTransitionTime: { type: 'string', format: 'date-time' },
    },
  },
};

const widgetDefinition = {
  apiVersion: CRD.apiVersion,
  kind: CRD.kind,
  metadata: { name: 'widgets.test.kcg.dev' },
  spec: {
    group: 'test.kcg.dev',
    scope: 'Namespaced',
    names: { kind: WIDGET.kind, plural: WIDGET.plural },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                'x-kubernetes-preserve-unknown-fields': true,
                properties: { size: { type: 'integer', minimum: 0 } },
              },
              status: {
                type: 'object',
                properties: {
                  phase: { type: 'string' },
                  lag: { type: 'object', properties: { seconds: { type: 'integer' } } },
                  conditions,
                },
              },
            },
          },
        },
      },
    ],
  },
};

let controlPlane: { kubeconfig: string; stop(): Promise<void> };
beforeAll(async () => {
  controlPlane = await startControlPlane({ definitions: [JSON.stringify(widgetDefinition)] });
});
afterAll(async () => {
  await controlPlane?.stop();
});

function connect(onRequest: (report: RequestReport) => void = () => {}): KubeCluster {
  const access = loadKubeAccess({ kubeconfig: controlPlane.kubeconfig });
  const environment = { clock: systemClock, random: systemRandom, log: silentLog };
  return new KubeCluster({ access, ...environment, instance: 'test', qps: 500, burst: 500, onRequest });
}

const run = `c${process.pid}`;
let namespaces = 0;
async function newNamespace(cluster: KubeCluster): Promise<string> {
  const name = `${run}-${(namespaces += 1)}`;
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
  await cluster.apply(KINDS.namespace, namespace, { fieldManager: 'test' });
  return name;
}

async function start(): Promise<ClusterFixture> {
  const cluster = connect();
  return {
    cluster,
    newNamespace: () => newNamespace(cluster),
    patienceMs: 300_000,
    stop: () => cluster.close(),
  };
}

/** Loses what is told of the object `lost`, and ends a watch that has told of `last`. */
class LosingTransport extends KubeTransport {
  override watch(...[request, onChunk]: Parameters<KubeTransport['watch']>) {
    const lines = new LineCutter();
    const over = new AbortController();
    const signal = AbortSignal.any([request.signal, over.signal]);
    return super.watch({ ...request, signal }, (chunk) => {
      for (const line of lines.cut(chunk)) {
        const { object } = JSON.parse(line) as { object: StoredObject };
        if (object.metadata.name !== 'lost') onChunk(Buffer.from(`${line}\n`));
        if (object.metadata.name === 'last') over.abort();
      }
    });
  }
}

clusterContract('a real API server', start);
clusterWatchContract('a real API server', start);

describe('a real API server', () => {
  test('uses its connections again: six watches and more than a hundred calls need few', async () => {
    const opened: unknown[] = [];
    const count = (message: unknown) => opened.push(message);
    subscribe('undici:client:connected', count);
    const cluster = connect();
    const stop = new AbortController();
    const kinds = [
      WIDGET,
      KINDS.deployment,
      KINDS.pod,
      KINDS.configMap,
      KINDS.replicaSet,
      KINDS.podDisruptionBudget,
    ];
    const caches = kinds.map((kind) => cluster.watch(kind, { signal: stop.signal }));
    await Promise.all(caches.map((cache) => cache.whenSynced()));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(kinds.map((kind) => cluster.list(kind, { namespace: 'default' })));
    }
    expect(opened.length).toBeLessThan(40);
    stop.abort();
    await Promise.all(caches.map((cache) => cache.stopped));
    await cluster.close();
    unsubscribe('undici:client:connected', count);
  });

  test('says that it does not know a kind, not that there is no such object', async () => {
    const cluster = connect();
    const key = { namespace: 'default', name: 'orders' };
    const unknown = { code: 'NotFound', message: expect.stringContaining('the cluster does not know') };
    await expect(cluster.get(KINDS.consumerGroup, key)).rejects.toMatchObject(unknown);
    await expect(cluster.list(KINDS.consumerGroup)).rejects.toMatchObject(unknown);
    await expect(cluster.get({ ...KINDS.pod, plural: 'pots' }, key)).rejects.toMatchObject(unknown);
    expect(await cluster.get(KINDS.pod, key)).toBeUndefined();
    await cluster.close();
  });

  test('has what a watch did not tell found and told', async () => {
    const cluster = connect();
    const namespace = await newNamespace(cluster);
    const put = (name: string) => {
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels: { of: run } } };
      return cluster.apply(KINDS.configMap, map, { fieldManager: 'kcg' });
    };
    await put('first');
    const environment = { clock: systemClock, random: systemRandom };
    const access = loadKubeAccess({ kubeconfig: controlPlane.kubeconfig });
    const transport = new LosingTransport({ access, ...environment });
    const stop = new AbortController();
    const events: ReflectorEvent[] = [];
    const watch = { namespace, labels: { of: run }, signal: stop.signal };
    const reflector = new KubeReflector({
      transport,
      kind: KINDS.configMap,
      watch,
      ...environment,
      onEvent: (event) => events.push(event),
      checkMs: 0,
    });
    const ended = reflector.run();
    await reflector.store.whenSynced();
    const names = () => reflector.store.list().map(({ metadata }) => metadata.name);
    await put('lost');
    await put('last');
    let told = 0;
    while (!names().includes('lost')) {
      await put(`told-${(told += 1)}`);
      await systemClock.sleep(50);
    }
    expect(events.filter(({ type }) => type === 'missed')).toMatchObject([{ changes: 1 }]);
    stop.abort();
    await ended;
    await Promise.all([cluster.close(), transport.close()]);
  });

  test('answers a status with metadata alone, of a kind of its own and of a custom one', async () => {
    const answered: unknown[] = [];
    class Listening extends KubeTransport {
      override async request(request: Parameters<KubeTransport['request']>[0]) {
        const response = await super.request(request);
        if (request.path.endsWith('/status')) answered.push(response.body);
        return response;
      }
    }
    const environment = { clock: systemClock, random: systemRandom };
    const access = loadKubeAccess({ kubeconfig: controlPlane.kubeconfig });
    const transport = new Listening({ access, ...environment });
    const cluster = new KubeCluster({ access, ...environment, log: silentLog, instance: 'test', transport });
    const namespace = await newNamespace(cluster);
    const metadata = { namespace, name: 'orders' };
    const options = { fieldManager: 'kcg', force: true };
    const widget = { apiVersion: WIDGET.apiVersion, kind: WIDGET.kind, metadata };
    const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata };
    await cluster.apply(WIDGET, { ...widget, spec: { size: 1 } }, options);
    await cluster.apply(KINDS.podDisruptionBudget, { ...budget, spec: { maxUnavailable: 1 } }, options);
    await cluster.applyStatus(WIDGET, { ...widget, status: { phase: 'Good' } }, options);
    const status = { observedGeneration: 1 };
    await cluster.applyStatus(KINDS.podDisruptionBudget, { ...budget, status }, options);
    const partial = { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata' };
    expect(answered).toEqual([
      { ...partial, metadata: expect.objectContaining(metadata) as unknown },
      { ...partial, metadata: expect.objectContaining(metadata) as unknown },
    ]);
    await cluster.close();
  });

  test('reports a field that a built-in kind does not have as InvalidInput', async () => {
    const cluster = connect();
    const namespace = await newNamespace(cluster);
    const key = { namespace, name: 'typo' };
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: key,
      spec: { maxUnavailabel: 1 },
    };
    const applied = cluster.apply(KINDS.podDisruptionBudget, budget, { fieldManager: 'kcg' });
    await expect(applied).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining('maxUnavailabel'),
    });
    await cluster.close();
  });

  test('reports a quantity of a built-in kind that is none as InvalidInput', async () => {
    const cluster = connect();
    const namespace = await newNamespace(cluster);
    const labels = { app: 'typo' };
    const resources = { limits: { memory: '512mb' } };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'typo' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'app', image: 'registry.example/app:1', resources }] },
        },
      },
    };
    await expect(cluster.apply(KINDS.deployment, deployment, { fieldManager: 'kcg' })).rejects.toMatchObject({
      code: 'InvalidInput',
    });
    await cluster.close();
  });

  test('reports a namespace that does not exist as NotFound', async () => {
    const cluster = connect();
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'nowhere', name: 'x' },
      data: {},
    };
    const applied = cluster.apply(KINDS.configMap, object, { fieldManager: 'kcg' });
    await expect(applied).rejects.toMatchObject({ code: 'NotFound', resource: 'configmaps nowhere/x' });
    await cluster.close();
  });

  test('keeps what the client does not know and pages through long lists', async () => {
    const cluster = connect();
    const namespace = await newNamespace(cluster);
    const names = Array.from({ length: 620 }, (_, i) => `m${i}`);
    const make = (name: string) => {
      const metadata = { namespace, name, labels: { many: 'yes' } };
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { name } };
      return cluster.apply(KINDS.configMap, map, { fieldManager: 'kcg' });
    };
    // Each at once opens a connection of its own, and a slow machine is long over hundreds of those.
    for (let from = 0; from < names.length; from += 20)
      await Promise.all(names.slice(from, from + 20).map(make));
    const pages: number[] = [];
    const counting = connect(({ verb }) => verb === 'list' && pages.push(1));
    const listed = await counting.list(KINDS.configMap, { namespace, labels: { many: 'yes' } });
    expect(listed.length).toBe(620);
    expect(pages.length).toBe(2);
    expect(listed[0]).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data: { name: expect.any(String) },
    });
    await Promise.all([cluster.close(), counting.close()]);
  });
});
