import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_HOME } from '../../cluster/find-programs.ts';
import { requireToolInCi } from '../../cluster/find-tool.ts';
import { CRD, RESET_CRD, Site, type OperatorProcess } from '../operator-process.ts';
import { until } from '../../support/until.ts';
import { ProcessKubelet } from '../process-kubelet.ts';
import { aGroup, NAMESPACE } from './a-group.ts';

/* What people and their tools do to a group that an operator looks after, on a real API server with its controllers. */

let site: Site;
let operator: OperatorProcess;
let kubelet: ProcessKubelet;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-round-trips-'));
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 2 });
  operator = await site.startOperator().works();
  await site.kubectl(`create namespace ${NAMESPACE}`);
  kubelet = new ProcessKubelet(site.plane.kubeconfig, NAMESPACE);
});
afterAll(async () => {
  await kubelet?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The blocks of docs/gitops.md, each as a shell runs it. */
function blocks(): string[] {
  const text = readFileSync('docs/gitops.md', 'utf8');
  return [...text.matchAll(/^```\n([^]*?)^```$/gm)].map(([, block]) => block!);
}
async function shell(script: string): Promise<string> {
  const PATH = `${join(CLUSTER_HOME, 'bin')}:${process.env['PATH']}`;
  const env = { ...process.env, PATH, KUBECONFIG: site.plane.kubeconfig };
  return (await promisify(execFile)('sh', ['-euc', script], { cwd: folder, env })).stdout;
}

function fileOf(...objects: object[]): string {
  const path = join(folder, 'manifest.yaml');
  writeFileSync(path, objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return path;
}
/** A chart of one group, beside the manifests. */
function chartOf(name: string, group: object): void {
  mkdirSync(join(folder, name, 'templates'), { recursive: true });
  writeFileSync(join(folder, name, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`);
  writeFileSync(join(folder, name, 'templates/group.yaml'), JSON.stringify(group));
}
const isReady = (name: string) =>
  site.kubectl(`wait --for=condition=Ready kcg/${name} -n ${NAMESPACE} --timeout=300s`);
/** What diff compares was read by two calls, between which the operator may write its status. */
const hasNoDiff = (file: string, flags = '') =>
  until(`nothing to diff${flags}`, async () => {
    const { code, stdout } = await site.plane.kubectl(`diff${flags} -f ${file}`.split(' '));
    return code === 0 && stdout === '';
  });
const conditionOf = async (name: string, type: string) => (await site.conditions(name, NAMESPACE))[type];
const record = 'kcg.dev/table';
const group = async (name: string) => (await site.get('group', name, NAMESPACE))!;
const specOf = async (name: string) => (await group(name)).spec as Record<string, unknown>;

test('every block of the guide does what it says', async () => {
  if (requireToolInCi('helm') === undefined) throw new Error('Helm is missing: npm run cluster:build');
  const [install, customize, restart, letGo, ...more] = blocks();
  expect(more).toEqual([]);
  symlinkSync(resolve('deploy'), join(folder, 'deploy'));
  chartOf('orders', aGroup('orders', { checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 1 } }));
  expect(await shell(install!)).toContain('STATUS: deployed');
  expect(await conditionOf('orders', 'Ready')).toBe('True Available');

  await site.kubectl('create namespace argocd');
  await site.kubectl('create configmap argocd-cm -n argocd --from-literal=url=https://argocd.example');
  await shell(customize!);
  const { data } = JSON.parse(await site.kubectl('get configmap argocd-cm -n argocd -o json')) as {
    data: Record<string, string>;
  };
  expect(data).toMatchObject({ url: 'https://argocd.example' });
  expect(Object.keys(data).filter((key) => key.includes('kcg.dev_'))).toHaveLength(3);

  const before = kubelet.pods.map(({ options }) => options.name);
  await shell(restart!);
  await until('one pod, and another', () => {
    const after = kubelet.pods.filter(({ isStopping }) => !isStopping).map(({ options }) => options.name);
    return after.length === 1 && !before.includes(after[0]!);
  });

  await operator.end('SIGKILL');
  await site.kubectl(`delete kcg orders -n ${NAMESPACE} --wait=false`);
  expect((await group('orders')).metadata).toHaveProperty('deletionTimestamp');
  await shell(letGo!);
  await site.kubectl(`wait --for=delete kcg/orders -n ${NAMESPACE} --timeout=300s`);
  operator = await site.startOperator().works();
});

test('a release that renames a group waits until the new one has what the old one had', async () => {
  const upgrade = `helm upgrade --install renamed ./renamed -n ${NAMESPACE} --wait --timeout 5m`;
  // The old one goes once its workers have stopped.
  const checkpoints = { deletionPolicy: 'Expire', expireAfterDays: 1 };
  for (const name of ['renamed-first', 'renamed-then']) {
    chartOf('renamed', aGroup(name, { groupId: 'shop.renamed', checkpoints }));
    expect(await shell(upgrade)).toContain('STATUS: deployed');
  }
  expect(await conditionOf('renamed-then', 'GroupClaimed')).toBe('True Claimed');
  await shell(`helm uninstall renamed -n ${NAMESPACE} --wait`);
});

describe('kubectl', () => {
  const running = `-n ${NAMESPACE} kcg/edited`;

  test('apply leaves nothing for diff, by either kind of apply', async () => {
    for (const [name, flags] of [
      ['edited', ''],
      ['by-server', ' --server-side'],
    ]) {
      const file = fileOf(aGroup(name!));
      await site.kubectl(`apply${flags} -f ${file}`);
      await isReady(name!);
      // What the operator has written since counts as little as what the server has filled in.
      expect((await group(name!)).metadata.annotations).toHaveProperty([record]);
      await hasNoDiff(file, flags);
      expect(await site.kubectl(`apply${flags} -f ${file}`)).toContain(
        flags ? 'serverside-applied' : 'unchanged',
      );
    }
  });

  test('edit changes what is changed, and is refused what cannot be', async () => {
    process.env['KUBE_EDITOR'] = 'sed -i s/replicas:.1/replicas:\\ 2/';
    expect(await site.kubectl(`edit ${running}`)).toContain('edited');
    expect(await specOf('edited')).toMatchObject({ scaling: { replicas: 2 } });
    process.env['KUBE_EDITOR'] = 'true';
    const { generation } = (await group('edited')).metadata;
    await site.kubectl(`edit ${running}`);
    expect((await group('edited')).metadata.generation).toBe(generation);
    process.env['KUBE_EDITOR'] = 'sed -i s/name:.orders$/name:\\ others/';
    expect(await site.refused(`edit ${running}`)).toContain('no valid changes were saved');
  });

  test('patch takes JSON and merge patches; a strategic one is told to be for other kinds', async () => {
    const set = (replicas: number) => JSON.stringify({ spec: { scaling: { replicas } } });
    await site.kubectl(`patch ${running} --type=merge -p ${set(1)}`);
    const step = JSON.stringify([{ op: 'replace', path: '/spec/scaling/replicas', value: 2 }]);
    await site.kubectl(`patch ${running} --type=json -p ${step}`);
    expect(await specOf('edited')).toMatchObject({ scaling: { replicas: 2 } });
    expect(await site.refused(`patch ${running} -p ${set(3)}`)).toContain('strategic');
  });

  test('replace by the manifest drops what the operator noted, which it puts back', async () => {
    const guarded = { checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 1 } };
    await site.kubectl(`replace -f ${fileOf(aGroup('edited', guarded))}`);
    await until('the notes are back', async () => {
      const { annotations = {}, finalizers = [] } = (await group('edited')).metadata;
      return record in annotations && finalizers.includes('kcg.dev/cleanup');
    });
    // The operator may write its status between the two.
    await until('it is replaced by itself', async () => {
      const asItIs = await site.kubectl(`get ${running} -o yaml`);
      return (await site.plane.kubectl(['replace', '-f', '-'], asItIs)).code === 0;
    });
    await isReady('edited');
  });

  test('replace sets a number that others write back to the manifest’s, where apply leaves it', async () => {
    const manifest = fileOf(aGroup('edited', { scaling: { mode: 'External' } }));
    await site.kubectl(`replace -f ${manifest}`);
    await site.kubectl(`scale ${running} --replicas=2`);
    await site.kubectl(`apply --server-side --force-conflicts -f ${manifest}`);
    expect(await specOf('edited')).toMatchObject({ scaling: { replicas: 2 } });
    await site.kubectl(`replace -f ${manifest}`);
    expect(await specOf('edited')).toMatchObject({ scaling: { replicas: 1 } });
  });

  test('rollout knows no group, and the annotation that restarts its workers is waited for', async () => {
    const unknown = 'no kind "KinesisConsumerGroup" is registered';
    for (const verb of ['restart', 'status'])
      expect(await site.refused(`rollout ${verb} ${running}`)).toContain(unknown);
    const before = kubelet.pods.map(({ options }) => options.name);
    await site.kubectl(`annotate ${running} kcg.dev/restart=monday`);
    await site.kubectl(`wait ${running} --for=jsonpath={.status.handled.restart}=monday --timeout=300s`);
    await until('other pods', () => {
      const after = kubelet.pods
        .filter(({ isStopping }) => !isStopping)
        .map(({ options }) => options.name)
        .filter((name) => name.startsWith('edited-'));
      return after.length > 0 && after.every((name) => !before.includes(name));
    });
    await site.kubectl(`annotate ${running} kcg.dev/reconcile=now`);
    await site.kubectl(`wait ${running} --for=jsonpath={.status.handled.reconcile}=now --timeout=300s`);
  });

  test('finds each field with the manager that set it, and none of the spec with the operator', async () => {
    const apply = (manager: string, replicas: number) =>
      site.plane.kubectl(
        ['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'],
        JSON.stringify(aGroup('by-server', { scaling: { mode: 'Fixed', replicas } })),
      );
    const conflict = await apply('another', 2);
    expect(conflict.stderr).toContain('conflict with "kubectl": .spec.scaling.replicas');
    const text = await site.kubectl(`get -n ${NAMESPACE} kcg/by-server -o json --show-managed-fields`);
    const { managedFields } = (JSON.parse(text) as { metadata: { managedFields: Managed[] } }).metadata;
    const ours = managedFields.filter(({ manager }) => manager.startsWith('kcg'));
    expect(ours.length).toBeGreaterThan(0);
    expect(ours.filter(({ fieldsV1 }) => 'f:spec' in fieldsV1)).toEqual([]);
  });
});

interface Managed {
  manager: string;
  fieldsV1: Record<string, unknown>;
}

/** An object as a backup brings it back: Velero keeps name, namespace, labels and annotations of the metadata, and no status. */
function restored(object: Restorable): object {
  const { name, namespace, labels = {}, annotations } = object.metadata;
  const marks = { 'velero.io/backup-name': 'nightly', 'velero.io/restore-name': 'nightly-1' };
  return {
    ...object,
    status: undefined,
    metadata: { name, namespace, labels: { ...labels, ...marks }, annotations },
  };
}
interface Restorable {
  metadata: { name: string; namespace: string; labels?: object; annotations?: object };
  status?: unknown;
}

test('a namespace that comes back from a backup goes on from its positions, with one Deployment', async () => {
  await site.apply(JSON.stringify(aGroup('kept')));
  await isReady('kept');
  // In the order of Velero: replica sets before what makes them.
  const kinds = 'replicasets,deployments,poddisruptionbudgets';
  const get = `get ${kinds} -n ${NAMESPACE} -l kcg.dev/group=kept`;
  const text = await site.kubectl(`${get} -o json`);
  const backup = [
    ...(JSON.parse(text) as { items: Restorable[] }).items,
    (await group('kept')) as unknown as Restorable,
  ];
  const before = await group('kept');
  await site.kubectl(`delete kcg,deployments,poddisruptionbudgets --all -n ${NAMESPACE} --timeout=300s`);
  await until('no worker', () => kubelet.pods.length === 0);
  // The garbage collector takes the replica sets a moment later.
  await until('nothing of it', async () => (await site.kubectl(`${get} -o name`)) === '');
  for (const object of backup) await site.kubectl('create -f -', JSON.stringify(restored(object)));
  await isReady('kept');
  const { metadata } = await group('kept');
  expect(metadata.uid).not.toBe(before.metadata.uid);
  const deployment = await until('the Deployment is its own', async () => {
    const found = await site.get('deployment', 'kept-worker', NAMESPACE);
    return found?.metadata.ownerReferences?.[0]?.uid === metadata.uid ? found : undefined;
  });
  expect(deployment.metadata.labels).toHaveProperty(['velero.io/backup-name']);
  // Told with what it led to, a few seconds late at most.
  await until('the claim is told', async () => {
    return (await site.kubectl(`get events -n ${NAMESPACE}`)).includes('the resource that held it is gone');
  });
  const all = await site.kubectl(`get deployments -n ${NAMESPACE} -o name`);
  expect(all.trim().split('\n')).toEqual(['deployment.apps/kept-worker']);
});

describe('the definition', () => {
  const crd = readFileSync(CRD, 'utf8');
  const established = () =>
    site.kubectl('wait --for=condition=Established crd/kinesisconsumergroups.kcg.dev --timeout=300s');

  /** What was just established may not be served yet. */
  const taken = (object: object) =>
    until('it is taken', async () => {
      const apply = ['apply', '--server-side', '-f', '-'];
      return (await site.plane.kubectl(apply, JSON.stringify(object))).code === 0;
    });

  test('goes together with its groups, and the operator serves it when it is back', async () => {
    const guarded = aGroup('guarded', { checkpoints: { deletionPolicy: 'Delete' } });
    await site.apply(JSON.stringify(guarded));
    await isReady('guarded');
    await site.kubectl(`delete -f ${fileOf(guarded)} -f ${resolve(CRD)} --timeout=300s`);
    await site.apply(crd);
    await established();
    await taken(aGroup('again'));
    await isReady('again');
  });

  test('can serve the same schema as v1beta1 beside, to an operator that knows nothing of it', async () => {
    for (const file of [CRD, RESET_CRD]) {
      const both = parse(readFileSync(file, 'utf8')) as {
        spec: { versions: { name: string; storage: boolean }[] };
      };
      const [stored] = both.spec.versions;
      both.spec.versions.push({ ...stored!, name: 'v1beta1', storage: false });
      await site.apply(JSON.stringify(both));
    }
    await established();
    await until('it is served', async () => {
      const { stdout } = await site.plane.kubectl(['api-versions']);
      return stdout.includes('kcg.dev/v1beta1');
    });
    const beta = (object: { apiVersion: string; kind: string }) => ({
      ...object,
      apiVersion: 'kcg.dev/v1beta1',
    });
    await taken(beta(aGroup('beta')));
    await isReady('beta');
    const reset = {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisOffsetReset',
      metadata: { name: 'beta', namespace: NAMESPACE },
      spec: { group: 'beta', to: { type: 'TrimHorizon' }, dryRun: true, ttlSecondsAfterFinished: 86_400 },
    };
    await taken(beta(reset));
    const resets = 'kinesisoffsetresets.v1beta1.kcg.dev';
    await site.kubectl(`wait --for=condition=Complete -n ${NAMESPACE} ${resets}/beta --timeout=300s`);
    for (const plural of ['kinesisconsumergroups', 'kinesisoffsetresets']) {
      const read = async (version: string) =>
        JSON.parse(
          await site.kubectl(`get -n ${NAMESPACE} ${plural}.${version}.kcg.dev/beta -o json`),
        ) as object;
      // The operator may write its status between the two.
      await until('both are the same', async () => {
        const [alpha, now] = [await read('v1alpha1'), await read('v1beta1')];
        return isDeepStrictEqual(now, { ...alpha, apiVersion: 'kcg.dev/v1beta1' });
      });
    }
    // The same manifest in the other version, and back: nothing to change, and no new generation.
    for (const manifest of [aGroup('beta'), reset].flatMap((object) => [object, beta(object)])) {
      await site.apply(JSON.stringify(manifest));
      await hasNoDiff(fileOf(manifest), ' --server-side');
    }
    expect((await group('beta')).metadata.generation).toBe(1);
    // One from before is the same group in both.
    expect(
      await site.kubectl(`get -n ${NAMESPACE} kinesisconsumergroups.v1beta1.kcg.dev/again -o name`),
    ).toContain('again');
    const { storedVersions } = JSON.parse(
      await site.kubectl('get crd kinesisconsumergroups.kcg.dev -o jsonpath={.status}'),
    ) as { storedVersions: string[] };
    expect(storedVersions).toEqual(['v1alpha1']);
    await site.kubectl(`delete -n ${NAMESPACE} kinesisconsumergroups.v1beta1.kcg.dev/beta --timeout=300s`);
  });
});
