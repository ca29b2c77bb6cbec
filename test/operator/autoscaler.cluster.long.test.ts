import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { KubeTransport } from '../../src/kubernetes/kube/transport.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { runOperator } from '../../src/operator/operator.ts';
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts';
import { memoryAws } from '../support/memory-aws.ts';
import { goModule } from '../support/peer-programs.ts';
import { startExternalMetrics, type ExternalMetrics } from '../support/external-metrics.ts';
import { until as untilTold } from '../support/until.ts';

/*
 * A real HorizontalPodAutoscaler, of the form that KEDA makes of a ScaledObject, on the scale subresource of a group. The metric
 * is a stand-in's. No pod is ever ready.
 */

let plane: ControlPlane;
let metrics: ExternalMetrics;
let cluster: KubeCluster;
let transport: KubeTransport;
let ended: Promise<void>;
const stop = new AbortController();
const METRIC = 's0-prometheus';

beforeAll(async () => {
  metrics = await startExternalMetrics();
  metrics.values.set(METRIC, 300);
  plane = await startControlPlane({
    definitions: [readFileSync('crds/kcg.dev_kinesisconsumergroups.yaml', 'utf8')],
    controllerManagerFlags: ['--horizontal-pod-autoscaler-sync-period=1s'],
  });
  await apply(metrics.manifest);
  const kinesis = new MemoryKinesis({ clock: systemClock, region: 'eu-west-1' });
  kinesis.createStream({ name: 'orders', shardCount: 4 });
  const rows = new MemoryLeaseTable();
  const shared = { clock: systemClock, random: systemRandom, log: silentLog };
  const access = loadKubeAccess({ kubeconfig: plane.kubeconfig });
  transport = new KubeTransport({ ...shared, access, qps: 1_000, burst: 1_000 });
  cluster = new KubeCluster({ ...shared, access, instance: 'test' });
  const aws = memoryAws(kinesis, async () => rows);
  ended = runOperator(
    { ...shared, cluster, aws, options: { workerImage: 'kcg:test', pollMs: 200 } },
    stop.signal,
  );
});

afterAll(async () => {
  stop.abort();
  await ended;
  await transport?.close();
  await cluster?.close();
  await plane?.stop();
  await metrics?.close();
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await plane.kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    yaml,
  );
  if (code !== 0) throw new Error(stderr);
}

async function group(more = ''): Promise<void> {
  await apply(`apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: default}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  scaling: {mode: External, minReplicas: 0, maxReplicas: 10}
${more}`);
}

/** As KEDA makes it of a ScaledObject with a Prometheus trigger, but that it goes down at once. */
const HPA = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: keda-hpa-orders, namespace: default}
spec:
  scaleTargetRef: {apiVersion: kcg.dev/v1alpha1, kind: KinesisConsumerGroup, name: orders}
  minReplicas: 1
  maxReplicas: 10
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
  metrics:
  - type: External
    external:
      metric: {name: ${METRIC}, selector: {matchLabels: {scaledobject.keda.sh/name: orders}}}
      target: {type: AverageValue, averageValue: "100"}
`;

/** What these tests look at, of a group, its scale, a list of Deployments or an HPA. */
interface Seen {
  metadata: { generation: number };
  spec: { replicas?: number };
  status: {
    replicas: number;
    selector?: string;
    observedGeneration: number;
    scaling: object;
    conditions?: { type: string; status: string; reason: string }[];
  };
  items: { spec: { replicas: number } }[];
}

/** Without a kubectl for each of hundreds of looks. */
async function get(path: string): Promise<Seen> {
  const { body } = await transport.request({
    verb: 'get',
    resource: path,
    method: 'GET',
    path: `/apis/${path}`,
  });
  return body as Seen;
}
const GROUP = 'kcg.dev/v1alpha1/namespaces/default/kinesisconsumergroups/orders';
const AUTOSCALER = 'autoscaling/v2/namespaces/default/horizontalpodautoscalers/keda-hpa-orders';

/** `asked/there`, by the scale subresource, and what the Deployment has. */
async function numbers(): Promise<string> {
  const { spec, status } = await get(`${GROUP}/scale`);
  expect(status.selector ?? SELECTOR).toBe(SELECTOR);
  const { items } = await get('apps/v1/namespaces/default/deployments');
  // A Scale leaves out a zero.
  return `${spec.replicas ?? 0}/${status.replicas} ${items[0]?.spec.replicas ?? 0}`;
}
const SELECTOR = 'app.kubernetes.io/managed-by=kcg,kcg.dev/group=orders,app.kubernetes.io/component=worker';

async function until(what: () => Promise<string>, wanted: string): Promise<void> {
  let seen = '';
  const look = async () => (seen = await what()) === wanted;
  await untilTold(wanted, look, 300, async () => ({ seen, autoscaler: (await get(AUTOSCALER)).status }));
}

async function conditionOf(path: string, type: string): Promise<string> {
  const { status } = await get(path);
  const found = status.conditions?.find((each) => each.type === type);
  return `${found?.status} ${found?.reason}`;
}

test('an HPA scales a group by an external metric, up and down, whether pods are ready or not', async () => {
  await group();
  await until(numbers, '1/1 1');
  await apply(HPA);
  await until(numbers, '3/3 3');
  await until(() => conditionOf(AUTOSCALER, 'ScalingActive'), 'True ValidMetricFound');
  expect(await conditionOf(AUTOSCALER, 'AbleToScale')).toMatch(/^True/);
  expect(metrics.asked).toContain(`default ${METRIC} scaledobject.keda.sh/name=orders`);
  metrics.values.set(METRIC, 110);
  await until(numbers, '2/2 2');
  const { status } = await get(GROUP);
  expect(status.scaling).toMatchObject({
    desired: 2,
    limitedBy: 'NotLimited',
    reason: '2 workers are asked for',
  });
});

test('more than there are shards is asked for, and no more than these get a worker', async () => {
  metrics.values.set(METRIC, 900);
  await until(numbers, '9/4 4');
  expect((await get(GROUP)).status.scaling).toMatchObject({ desired: 4, limitedBy: 'Shards' });
});

test('a manifest applied anew takes nothing back from the HPA', async () => {
  await group('  disruptionBudget: {management: External}\n');
  await until(async () => {
    const { metadata, status } = await get(GROUP);
    return String(status.observedGeneration === metadata.generation);
  }, 'true');
  expect(await numbers()).toBe('9/4 4');
});

test('selector and numbers are right while the group is paused, stopped and running again', async () => {
  await group('  desiredState: Paused\n');
  await until(() => conditionOf(GROUP, 'ShardsCovered'), 'False NotConsuming');
  expect(await numbers()).toBe('9/4 4');
  await group('  desiredState: Stopped\n');
  await until(async () => (await numbers()).slice(1), '/0 0');
  expect((await get(GROUP)).status.selector).toBe(SELECTOR);
  await group();
  await until(numbers, '9/4 4');
});

test('to zero and back, as an HPA of minReplicas 0 may', async () => {
  await apply(HPA.replace('minReplicas: 1', 'minReplicas: 0'));
  metrics.values.set(METRIC, 0);
  await until(numbers, '0/0 0');
  await until(() => conditionOf(GROUP, 'Ready'), 'True ScaledToZero');
  metrics.values.set(METRIC, 150);
  await until(numbers, '2/2 2');
});

test('a metric that is gone leaves the number as it is, and the HPA says so', async () => {
  metrics.values.delete(METRIC);
  await until(() => conditionOf(AUTOSCALER, 'ScalingActive'), 'False FailedGetExternalMetric');
  expect(await numbers()).toBe('2/2 2');
});

/** Without building it: its schema is what kubectl apply would meet. */
const KEDA = ['github.com/kedacore/keda/v2', 'v2.21.0'] as const;

test('the autoscalers that docs/autoscaling.md shows are taken by the API server, and by the schema of KEDA', async () => {
  const page = readFileSync('docs/autoscaling.md', 'utf8');
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml);
  const shown = blocks.filter((yaml) => /^kind: (HorizontalPodAutoscaler|ScaledObject)$/m.test(yaml));
  expect(shown.length).toBe(2);
  const definitions = `${await goModule(...KEDA)}/config/crd/bases/keda.sh_scaledobjects.yaml`;
  expect(await plane.kubectl(['apply', '--server-side', '-f', definitions])).toMatchObject({ code: 0 });
  const established = ['wait', '--for=condition=Established', '--timeout=300s', 'crd/scaledobjects.keda.sh'];
  expect(await plane.kubectl(established)).toMatchObject({ code: 0 });
  expect(await plane.kubectl(['create', 'namespace', 'shop'])).toMatchObject({ code: 0 });
  for (const yaml of shown)
    expect(
      await plane.kubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], yaml),
    ).toMatchObject({
      code: 0,
    });
});
