import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { KINDS, type StoredObject } from '../../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../../src/kubernetes/kube/config.ts';
import type { GroupStatus } from '../../../src/api/group-status.ts';
import { Site } from '../operator-process.ts';
import { until } from '../../support/until.ts';
import { ProcessKubelet } from '../process-kubelet.ts';
import { aGroup, NAMESPACE } from './a-group.ts';
import { RESUME_ANNOTATION } from '../../../src/api/labels.ts';
import { argoCustomization, Judges, type Verdicts } from './judges.ts';

/*
 * Groups in each state, as a real operator and real workers make them, before the libraries that judge them. Every version
 * that the API server had is kept, so that states of a moment are there too.
 */

let site: Site;
let kubelet: ProcessKubelet;
let judges: Judges;
let cluster: KubeCluster;
let folder: string;
const stop = new AbortController();
const versions: StoredObject[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-verdicts-'));
  [site, judges] = await Promise.all([Site.open(), Judges.call()]);
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 2 });
  const access = loadKubeAccess({ kubeconfig: site.plane.kubeconfig });
  const shared = { clock: systemClock, random: systemRandom, log: silentLog };
  cluster = new KubeCluster({ access, ...shared, instance: 'test' });
  const onChange = ({ object }: { object: StoredObject }) => void versions.push(object);
  for (const kind of [KINDS.consumerGroup, KINDS.offsetReset])
    cluster.watch(kind, { signal: stop.signal, onChange });
  await site.kubectl(`create namespace ${NAMESPACE}`);
  kubelet = new ProcessKubelet(site.plane.kubeconfig, NAMESPACE);
  await site.startOperator().works();
  // It is given up after a minute.
  await reset('lost', { group: 'nobody' });
});
afterAll(async () => {
  stop.abort();
  judges?.close();
  await kubelet?.close();
  await cluster?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

const apply = (...args: Parameters<typeof aGroup>) => site.apply(JSON.stringify(aGroup(...args)));
const patch = (name: string, change: object) =>
  site.kubectl(`patch kcg ${name} -n ${NAMESPACE} --type=merge -p ${JSON.stringify(change)}`);

const conditionOf = ({ status }: StoredObject, type: string) => {
  const found = (status as GroupStatus | undefined)?.conditions?.find((each) => each.type === type);
  return found && `${found.status} ${found.reason}`;
};
const isObserved = ({ metadata, status }: StoredObject) =>
  (status as GroupStatus | undefined)?.observedGeneration === metadata.generation;

/** The first version of the group that is so. */
function version(name: string, what: string, isSo: (group: StoredObject) => boolean): Promise<StoredObject> {
  const found = () => versions.find((each) => each.metadata.name === name && isSo(each));
  const last = () => versions.findLast(({ metadata }) => metadata.name === name)?.status;
  return until(`${name}: ${what}`, found, 300, last);
}
const short = ({ kstatus, flux, argo }: Verdicts) => [kstatus.status, flux.status, argo?.status];
const IN_PROGRESS = ['InProgress', 'InProgress', 'Progressing'];
const DONE = ['Current', 'Current', 'Healthy'];
const FAILED = ['Failed', 'Failed', 'Degraded'];

const reset = (name: string, spec: object) => {
  const metadata = { name, namespace: NAMESPACE };
  const kind = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisOffsetReset' };
  return site.apply(JSON.stringify({ ...kind, metadata, spec: { to: { type: 'Latest' }, ...spec } }));
};

describe('a group is judged', () => {
  test('in progress when nobody has looked at it, on its way, and done when it is ready', async () => {
    await apply('orders', {});
    const ready = await version(
      'orders',
      'ready',
      (group) => conditionOf(group, 'Ready') === 'True Available',
    );
    const fresh = await version('orders', 'new', () => true);
    expect(fresh.status).toEqual({ observedGeneration: -1 });
    expect(short(await judges.judge(fresh))).toEqual(IN_PROGRESS);
    const starting = await version('orders', 'starting', (group) => isObserved(group));
    expect(conditionOf(starting, 'Ready')).not.toBe('True Available');
    expect(short(await judges.judge(starting))).toEqual(IN_PROGRESS);
    const settled = await version(
      'orders',
      'settled',
      (group) =>
        conditionOf(group, 'Ready') === 'True Available' &&
        conditionOf(group, 'Reconciling') === 'False UpToDate',
    );
    expect(short(await judges.judge(settled))).toEqual(DONE);
    // Without deploy/argocd Argo CD has no opinion.
    expect((await judges.judge(ready, '')).argo).toBeUndefined();
  });

  test('in progress from a change of the spec until its workers are there', async () => {
    await patch('orders', { spec: { scaling: { replicas: 2 } } });
    const behind = await version('orders', 'behind', ({ metadata, status }) => {
      return metadata.generation === 2 && (status as GroupStatus).observedGeneration === 1;
    });
    expect(conditionOf(behind, 'Ready')).toBe('True Available');
    expect(short(await judges.judge(behind))).toEqual(IN_PROGRESS);
    const scaling = await version('orders', 'scaling', (group) => {
      return group.metadata.generation === 2 && conditionOf(group, 'Reconciling') === 'True RollingOut';
    });
    expect(short(await judges.judge(scaling))).toEqual(IN_PROGRESS);
    const scaled = await version('orders', 'scaled', (group) => {
      const { summary } = group.status as GroupStatus;
      return summary?.pods === '2/2' && conditionOf(group, 'Reconciling') === 'False UpToDate';
    });
    expect(short(await judges.judge(scaled))).toEqual(DONE);
  });

  test('in progress while restarted workers come up', async () => {
    await site.kubectl(`annotate kcg orders -n ${NAMESPACE} kcg.dev/restart=monday`);
    const done = await version('orders', 'restarted', ({ status }) => {
      return (status as GroupStatus).handled?.restart === 'monday';
    });
    const underWay = versions
      .slice(0, versions.indexOf(done))
      .findLast((each) => conditionOf(each, 'Reconciling') === 'True RollingOut');
    expect(short(await judges.judge(underWay!))).toEqual(IN_PROGRESS);
  });

  test.each(['Paused', 'Stopped'])('done once it is %s as asked', async (desiredState) => {
    await patch('orders', { spec: { desiredState } });
    const rests = await version('orders', desiredState, (group) => {
      const isSettled = conditionOf(group, 'Reconciling') === 'False UpToDate';
      return isSettled && conditionOf(group, 'Ready') === `True ${desiredState}`;
    });
    // Suspended would keep a sync with waves from ever ending.
    const verdicts = await judges.judge(rests);
    expect(short(verdicts)).toEqual(DONE);
    expect(verdicts.argo?.message).toContain(desiredState);
  });

  test('suspended by Argo CD, and never done for a change, while the operator is told to keep off', async () => {
    await site.kubectl(`annotate kcg orders -n ${NAMESPACE} kcg.dev/reconcile-paused=true`);
    const kept = await version('orders', 'kept off', (group) => {
      return conditionOf(group, 'Reconciling') === 'False ReconcilePaused';
    });
    expect(short(await judges.judge(kept))).toEqual(['Current', 'Current', 'Suspended']);
    await patch('orders', { spec: { desiredState: 'Running' } });
    const behind = await version('orders', 'kept off and behind', (group) => {
      return !isObserved(group) && conditionOf(group, 'Reconciling') === 'False ReconcilePaused';
    });
    expect(short(await judges.judge(behind))).toEqual(['InProgress', 'InProgress', 'Suspended']);
    await site.kubectl(`annotate kcg orders -n ${NAMESPACE} kcg.dev/reconcile-paused-`);
  });

  test('failed at once for what somebody has to correct', async () => {
    const template = { spec: { restartPolicy: 'Sometimes', containers: [] } };
    await apply('wrong', { template });
    const stalled = await version('wrong', 'stalled', (group) => {
      return conditionOf(group, 'Stalled') === 'True TemplateRejected';
    });
    const verdicts = await judges.judge(stalled);
    expect(short(verdicts)).toEqual(FAILED);
    expect(verdicts.argo?.message).toContain('restartPolicy');
    expect(verdicts.kstatus.message).toContain('restartPolicy');
  });

  test('degraded by Argo CD, and still in progress elsewhere, when its handler fails', async () => {
    const path = join(folder, 'handler.mjs');
    writeFileSync(path, 'export const handler = async () => { throw new Error("no such warehouse"); };\n');
    const { kinesis } = site.kinesis;
    for (let key = 0; key < 20; key += 1)
      kinesis.putRecord('orders', { partitionKey: String(key), data: Buffer.from('{}') });
    await apply('failing', {
      handler: { module: { container: 'app', path } },
      template: { spec: { containers: [{ name: 'app', image: 'orders:1' }] } },
    });
    const failing = await version('failing', 'failing', (group) => {
      return conditionOf(group, 'Ready') === 'False HandlerFailing';
    });
    const verdicts = await judges.judge(failing);
    expect(short(verdicts)).toEqual(['InProgress', 'InProgress', 'Degraded']);
    expect(verdicts.argo?.message).toContain('no such warehouse');
  });

  test('terminating while it is cleaned up after', async () => {
    await patch('orders', {
      spec: { checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 1 } },
    });
    await version('orders', 'guarded', ({ metadata }) => metadata.finalizers?.length === 1);
    await site.kubectl(`delete kcg orders -n ${NAMESPACE} --timeout=300s`);
    const going = await version(
      'orders',
      'going',
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
    expect(short(await judges.judge(going))).toEqual(['Terminating', 'Terminating', 'Progressing']);
  });
});

test('a reset is in progress until it is done, or failed', async () => {
  await apply('rewound', {});
  await version('rewound', 'ready', (group) => conditionOf(group, 'Ready') === 'True Available');
  await reset('dry', { group: 'rewound', dryRun: true });
  const done = await version('dry', 'done', (each) => conditionOf(each, 'Complete') === 'True DryRun');
  const fresh = await version('dry', 'new', () => true);
  expect(short(await judges.judge(fresh))).toEqual(IN_PROGRESS);
  expect(short(await judges.judge(done))).toEqual(DONE);
  const failed = await version('lost', 'failed', (each) => {
    return conditionOf(each, 'Stalled') === 'True GroupNotFound';
  });
  expect(short(await judges.judge(failed))).toEqual(FAILED);
});

test('Argo CD offers what fits the group, and changes what each action says', async () => {
  const { actions } = argoCustomization();
  const offered = async (desiredState: string) => {
    const found = await judges.lua(aGroup('orders', { desiredState }), actions['discovery.lua']);
    const names = Object.entries(found).filter(([, action]) => !(action as { disabled?: boolean }).disabled);
    return names.map(([name]) => name).sort();
  };
  expect(await offered('Running')).toEqual(['pause', 'reconcile', 'restart']);
  expect(await offered('Paused')).toEqual(['reconcile', 'restart', 'resume']);
  const done = (name: string, object: object = aGroup('orders', { desiredState: 'Running' })) => {
    const { 'action.lua': script } = actions.definitions.find((each) => each.name === name)!;
    return judges.lua(object, script);
  };
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown;
  expect(await done('restart')).toMatchObject({ metadata: { annotations: { 'kcg.dev/restart': time } } });
  expect(await done('reconcile')).toMatchObject({ metadata: { annotations: { 'kcg.dev/reconcile': time } } });
  expect(await done('pause')).toMatchObject({ spec: { desiredState: 'Paused' } });
  expect(await done('resume')).toMatchObject({ spec: { desiredState: 'Running' } });
  const paused = await done('pause', aGroup('orders', { desiredState: 'Shadow' }));
  expect(paused).toMatchObject({
    metadata: { annotations: { [RESUME_ANNOTATION]: 'Shadow' } },
    spec: { desiredState: 'Paused' },
  });
  expect(await done('resume', paused)).toMatchObject({ spec: { desiredState: 'Shadow' } });
});

test('each condition of every version says which generation it is about, and none is ahead', () => {
  const conditions = versions.flatMap(({ metadata, status }) =>
    ((status as GroupStatus | undefined)?.conditions ?? []).map(({ type, observedGeneration }) => {
      return { type, observedGeneration, generation: metadata.generation ?? 0 };
    }),
  );
  expect(conditions.length).toBeGreaterThan(50);
  const wrong = conditions.filter(
    ({ observedGeneration, generation }) =>
      observedGeneration === undefined || observedGeneration > generation,
  );
  expect(wrong).toEqual([]);
});
