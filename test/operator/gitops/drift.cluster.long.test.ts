import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseGroup } from '../../../src/api/group.ts';
import type { StoredObject } from '../../../src/kubernetes/cluster.ts';
import { groupOf, SPEC_TABLE, VALID_SPEC } from '../../api/spec-table.ts';
import { startControlPlane, type ControlPlane } from '../../support/control-plane.ts';
import { CRD, RESET_CRD } from '../operator-process.ts';
import { Judges } from './judges.ts';

/* What was applied is found as it was applied: by Argo CD and Flux, for every field that a manifest may have. */

let plane: ControlPlane;
let judges: Judges;

beforeAll(async () => {
  plane = await startControlPlane({
    definitions: [CRD, RESET_CRD].map((file) => readFileSync(file, 'utf8')),
  });
  judges = await Judges.call(plane.kubeconfig);
});
afterAll(async () => {
  judges?.close();
  await plane?.stop();
});

/** All that the schema takes, in as few manifests as it takes: a case that goes with none of them begins a new one. */
function manifests(): object[] {
  const specs: Record<string, unknown>[] = [{ ...VALID_SPEC }];
  for (const { refused, change } of SPEC_TABLE) {
    if (refused !== undefined || change === undefined || hasNull(change)) continue;
    const place = specs.findIndex((spec, index) => {
      const isFree = Object.keys(change).every((field) => !(field in spec) || field in VALID_SPEC);
      return index > 0 && isFree && parseGroup(groupOf({ change: { ...spec, ...change } })).outcome === 'ok';
    });
    if (place < 0) specs.push({ ...VALID_SPEC, ...change });
    else Object.assign(specs[place]!, change);
  }
  const groups = specs.map((change, index) => groupOf({ change, metadata: { name: `group-${index}` } }));
  return [...groups, ...RESETS.map((spec, index) => resetOf(`reset-${index}`, spec))];
}

const RESETS = [
  { to: { type: 'AtTimestamp', timestamp: '2026-11-29T08:00:00+01:00' } },
  { to: { type: 'SequenceNumbers', positions: [{ shardId: 'shardId-000000000000', at: '7' }] } },
  { undo: 'forth', dryRun: true, whileRunning: 'Stop' },
];
function resetOf(name: string, spec: object) {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisOffsetReset',
    metadata: { name, namespace: 'default' },
    spec: { group: 'orders', ...spec },
  };
}

function hasNull(change: object): boolean {
  return JSON.stringify(change).includes(':null');
}

describe.each(['client-side', 'server-side'])('after a %s apply', (kind) => {
  const serverSide = kind === 'server-side';

  test('Argo CD finds every manifest synced, by each of its ways', async () => {
    const found: Record<string, unknown> = {};
    for (const manifest of manifests()) {
      const { kind, metadata } = manifest as { kind: string; metadata: { name: string } };
      const { name } = metadata;
      await judges.argoApply(manifest, serverSide);
      const diff = await judges.argoDiff(manifest, serverSide);
      if (Object.values(diff).some((way) => way !== 'synced')) found[name] = { manifest, diff };
      await plane.kubectl(['delete', kind, '-n', 'default', name, '--wait=false']);
    }
    expect(found).toEqual({});
  });
});

test('a field left empty is out of sync for Argo CD’s own merge after a server-side apply, and for nothing else', async () => {
  const manifest = groupOf({ change: { leases: null }, metadata: { name: 'empty' } });
  await judges.argoApply(manifest, true);
  expect(await judges.argoDiff(manifest, true)).toEqual({
    serverSide: 'synced',
    structuredMerge: expect.objectContaining({}) as unknown,
  });
  await judges.argoApply(manifest, false);
  expect(await judges.argoDiff(manifest, false)).toEqual({ serverSide: 'synced', threeWay: 'synced' });
});

test.each([false, true])(
  'a number that an autoscaler writes is no difference (server-side: %s)',
  async (serverSide) => {
    const scaling = { mode: 'External' };
    const manifest = groupOf({ change: { scaling }, metadata: { name: `scaled-${serverSide}` } });
    await judges.argoApply(manifest, serverSide);
    const scale = ['scale', 'kcg', manifest.metadata.name, '--replicas=5'];
    expect(await plane.kubectl(scale)).toMatchObject({ code: 0 });
    const ways = Object.values(await judges.argoDiff(manifest, serverSide));
    expect(ways).toEqual(['synced', 'synced']);
    await judges.argoApply(manifest, serverSide);
    const { stdout } = await plane.kubectl(['get', 'kcg', manifest.metadata.name, '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({ spec: { scaling: { replicas: 5 } } });
  },
);

test('Argo CD finds what somebody else has changed', async () => {
  const manifest = groupOf({});
  await judges.argoApply(manifest, false);
  const change = JSON.stringify({ spec: { desiredState: 'Paused', region: 'eu-west-1' } });
  await plane.kubectl(['patch', 'kcg', 'orders', '--type=merge', '-p', change]);
  const wanted = { ...manifest, spec: { ...manifest.spec, desiredState: 'Running' } };
  expect(await judges.argoDiff(wanted, false)).not.toMatchObject({ threeWay: 'synced' });
});

test('Flux finds no drift', async () => {
  const found: unknown[] = [];
  for (const manifest of manifests()) {
    const { applied, drift } = await judges.fluxApply(manifest);
    if (applied === 'unchanged' || drift !== 'unchanged') found.push({ manifest, applied, drift });
  }
  expect(found).toEqual([]);
});

test('Kustomize, told so, renames in groups and resets what it renames elsewhere, and counts their replicas', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-kustomize-'));
  try {
    copyFileSync('deploy/kustomize/kcg.yaml', join(folder, 'kcg.yaml'));
    const container = { name: 'app', image: 'example:1', envFrom: [{ configMapRef: { name: 'settings' } }] };
    const initContainers = [{ ...container, name: 'first' }];
    const named = (claimName: string, priorityClassName: string) => ({
      priorityClassName,
      volumes: [{ name: 'models', persistentVolumeClaim: { claimName } }],
    });
    const template = {
      spec: {
        serviceAccountName: 'orders',
        initContainers,
        containers: [container],
        ...named('models', 'urgent'),
      },
    };
    const scaling = { mode: 'External', replicas: 1 };
    const json = (value: object) => JSON.stringify(value);
    const objects = [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'orders' } },
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'models' } },
      { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'urgent' } },
      groupOf({ change: { template, scaling } }),
      groupOf({ metadata: { name: 'replay' } }),
      resetOf('back', { to: { type: 'Group', group: 'replay' } }),
      resetOf('forth', { undo: 'back' }),
    ];
    writeFileSync(join(folder, 'objects.yaml'), objects.map(json).join('\n---\n'));
    const kustomization = {
      namePrefix: 'west-',
      images: [{ name: 'example', newTag: '2' }],
      replicas: [{ name: 'orders', count: 5 }],
      configMapGenerator: [{ name: 'settings', literals: ['a=b'] }],
      configurations: ['kcg.yaml'],
      resources: ['objects.yaml'],
    };
    writeFileSync(join(folder, 'kustomization.yaml'), json(kustomization));
    const { code, stdout, stderr } = await plane.kubectl(['kustomize', folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const made = stdout.split('\n---\n').map((text) => parse(text) as StoredObject);
    const [group, , ...resets] = made.filter(({ apiVersion }) => apiVersion.startsWith('kcg.dev/'));
    const settings = expect.stringMatching(/^west-settings-/) as string;
    const changed = { image: 'example:2', envFrom: [{ configMapRef: { name: settings } }] };
    const pods = {
      serviceAccountName: 'west-orders',
      initContainers: [changed],
      containers: [changed],
      ...named('west-models', 'west-urgent'),
    };
    expect(group).toMatchObject({
      metadata: { name: 'west-orders' },
      spec: { scaling: { replicas: 5 }, template: { spec: pods } },
    });
    expect(resets).toMatchObject([
      { spec: { group: 'west-orders', to: { group: 'west-replay' } } },
      { spec: { group: 'west-orders', undo: 'west-back' } },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
