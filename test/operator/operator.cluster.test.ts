import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { groupCrd } from '../../src/api/crd.ts';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { setConditions } from '../../src/api/set-conditions.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import type { RequestReport } from '../../src/kubernetes/kube/transport.ts';
import { StatusWriter } from '../../src/operator/apply/status-writer.ts';
import { runOperator } from '../../src/operator/operator.ts';
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts';
import { memoryAws } from '../support/memory-aws.ts';
import { until as untilTold } from '../support/until.ts';

/*
 * The operator against a real API server: what the twin cannot know is how the server merges, defaults and refuses. AWS is
 * the twins'; no pod ever runs.
 */

let plane: ControlPlane;
let cluster: KubeCluster;
let ended: Promise<void>;
const stop = new AbortController();
const requests: RequestReport[] = [];
const kinesis = new MemoryKinesis({ clock: systemClock, region: 'eu-west-1' });
const table = new MemoryLeaseTable();

beforeAll(async () => {
  plane = await startControlPlane({
    definitions: [readFileSync('crds/kcg.dev_kinesisconsumergroups.yaml', 'utf8')],
  });
  kinesis.createStream({ name: 'orders', shardCount: 2 });
  cluster = new KubeCluster({
    access: loadKubeAccess({ kubeconfig: plane.kubeconfig }),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    instance: 'test',
    onRequest: (report) => requests.push(report),
  });
  ended = runOperator(
    {
      cluster,
      aws: memoryAws(kinesis, async () => table),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      options: { workerImage: 'kcg:test', pollMs: 200 },
    },
    stop.signal,
  );
});

afterAll(async () => {
  stop.abort();
  await ended;
  await cluster?.close();
  await plane?.stop();
});

async function apply(yaml: string): Promise<void> {
  const { code, stderr } = await plane.kubectl(['apply', '--server-side', '-f', '-'], yaml);
  if (code !== 0) throw new Error(stderr);
}

const KEY = { namespace: 'default', name: 'orders' };
const group = (spec: string) => `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: default}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {http: {container: app}}
  template:
    spec:
      containers:
      - name: app
        image: shop:7
        resources: {requests: {cpu: 1000m, memory: 1024Mi}, limits: {cpu: "2.0"}}
        env: [{name: EMPTY, value: ""}, {name: A, value: b}]
${spec}`;

async function status(): Promise<GroupStatus> {
  return (await cluster.get(KINDS.consumerGroup, KEY))?.status ?? {};
}
const condition = async (type: string) => {
  const found = (await status()).conditions?.find((each) => each.type === type);
  return found && `${found.status} ${found.reason} ${found.message}`;
};
const until = (holds: () => Promise<unknown>) => untilTold('what this step leads to', holds, 300, status);
const spec = async () => {
  const deployment = await cluster.get(KINDS.deployment, { namespace: 'default', name: 'orders-worker' });
  return deployment?.spec as
    | {
        replicas: number;
        strategy: { type: string };
        template: { metadata: { annotations: Record<string, string> } };
      }
    | undefined;
};

test('a group becomes a Deployment and a status the CRD accepts, and then is left alone', async () => {
  await apply(group(''));
  await until(async () => (await spec())?.replicas === 2);
  await until(async () => (await condition('GroupClaimed'))?.startsWith('True'));
  expect(await condition('Stalled')).toMatch(/^False/);
  await until(async () => {
    const { stdout } = await plane.kubectl(['get', 'kcg', '-n', 'default', 'orders', '--no-headers']);
    return /^orders +orders +0\/2 +0\/2 +False/.test(stdout);
  });
  // Events wait for what they lead to, half a minute; a status on the way is out after three seconds.
  const writes = () =>
    requests.filter(
      ({ verb, resource }) => !['get', 'list', 'watch'].includes(verb) && resource !== 'events',
    );
  // Eighty looks long, on a machine that has the time for them.
  await until(async () => {
    const made = writes().length;
    await setTimeout(16_000);
    return writes().length === made;
  });
});

test('a paused group keeps its pods: its workers learn it from the table', async () => {
  const paused = () => table.rows().find(({ shard_id }) => shard_id === 'group#claim')?.['paused'];
  const template = JSON.stringify((await spec())?.template);
  await apply(group('  desiredState: Paused'));
  await until(() => Promise.resolve(paused() === 1));
  await apply(group('  desiredState: Running'));
  await until(() => Promise.resolve(paused() === undefined));
  expect(JSON.stringify((await spec())?.template)).toBe(template);
});

test('a template that Kubernetes refuses is told in a condition', async () => {
  await apply(group('      restartPolicy: Sometimes'));
  await until(async () => (await condition('WorkersAvailable'))?.includes('TemplateRejected'));
  expect(await condition('Stalled')).toContain('restartPolicy');
  await apply(group(''));
  await until(async () => (await condition('Stalled'))?.startsWith('False'));
});

test('scaling by hand is set back, and an event names who did it', async () => {
  const before = (await spec())?.replicas;
  await plane.kubectl(['scale', '-n', 'default', 'deployment/orders-worker', '--replicas=5']);
  const events = () =>
    plane.kubectl(['get', 'events', '-n', 'default', '-o', 'jsonpath={.items[*].message}']);
  await until(async () => (await events()).stdout.includes('.spec.replicas by "kubectl"'));
  await until(async () => (await spec())?.replicas === before);
  expect(await condition('Stalled')).toMatch(/^False/);
});

test('labels taken off the Deployment come back, and no pod is replaced', async () => {
  const template = JSON.stringify((await spec())?.template);
  const key = { namespace: 'default', name: 'orders-worker' };
  const labels = async () => (await cluster.get(KINDS.deployment, key))?.metadata.labels ?? {};
  const before = await labels();
  const { code } = await plane.kubectl(
    'label -n default deployment/orders-worker app.kubernetes.io/managed-by-'.split(' '),
  );
  expect(code).toBe(0);
  await until(async () => JSON.stringify(await labels()) === JSON.stringify(before));
  expect(JSON.stringify((await spec())?.template)).toBe(template);
});

test('workers that run and are not ready can be evicted, and the budget is removed for one of the users own', async () => {
  // Those that were too many by a moment ago are gone.
  const worker = await untilTold('two pods', async () => {
    const labels = { 'kcg.dev/group': 'orders' };
    const pods = await cluster.list(KINDS.pod, { namespace: 'default', labels });
    return pods.length === 2 && pods.every(({ metadata }) => !metadata.deletionTimestamp) && pods[0];
  });
  const { name } = worker.metadata;
  const state = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] };
  const running = ['-n', 'default', '--subresource=status', '--type=merge', '-p'];
  const patched = await plane.kubectl(['patch', 'pod', name, ...running, JSON.stringify({ status: state })]);
  expect(patched).toMatchObject({ code: 0 });
  const budget = { namespace: 'default', name: 'orders-worker' };
  await until(async () => (await cluster.get(KINDS.podDisruptionBudget, budget))?.status !== undefined);
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace: 'default', name } };
  const path = `/api/v1/namespaces/default/pods/${name}/eviction`;
  const evict = () => plane.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
  // Until the controller has counted the pods of a new budget, nothing is evicted.
  await until(async () => (await evict()).code === 0);
  await apply(group('  disruptionBudget: {management: External}'));
  await until(async () => (await cluster.get(KINDS.podDisruptionBudget, budget)) === undefined);
  await apply(group(''));
  await until(async () => (await cluster.get(KINDS.podDisruptionBudget, budget)) !== undefined);
});

test('deletion collects what the group owned', async () => {
  await plane.kubectl(['delete', 'kcg', '-n', 'default', 'orders', '--wait=true']);
  await until(async () => (await spec()) === undefined);
});

test('an older CustomResourceDefinition takes as much of a status as it knows', async () => {
  const crd = groupCrd();
  const { status: schema } = crd.spec.versions[0]!.schema.openAPIV3Schema.properties!;
  delete schema!.properties!['scaling']!.properties!['limitedBy'];
  delete schema!.properties!['shards']!.items!.properties!['lagSeconds'];
  schema!.properties!['workers']!.maxItems = 1;
  await apply(JSON.stringify(crd));
  // Its own operator leaves it alone.
  await apply(
    group('').replace(
      'name: orders, namespace',
      'name: older, annotations: {kcg.dev/reconcile-paused: "true"}, namespace',
    ),
  );
  const key = { namespace: 'default', name: 'older' };
  const read = async () => (await cluster.get(KINDS.consumerGroup, key))!;
  const ready = { type: 'Ready', status: 'False', reason: 'NoLiveWorkers', message: 'nobody' } as const;
  const wanted: GroupStatus = {
    observedGeneration: 1,
    conditions: setConditions([], [ready], 0),
    shards: [{ shardId: 'shardId-0', owner: 'a', lagSeconds: 1 }],
    workers: [
      { pod: 'a', leases: 1 },
      { pod: 'b', leases: 0 },
    ],
    scaling: { desired: 2, limitedBy: 'Shards' },
  };
  const message = async () => ((await read()).status as GroupStatus).conditions?.[0]?.message ?? '';
  // A new schema takes a moment to count.
  await until(async () => {
    const writer = new StatusWriter({ cluster, clock: systemClock, log: silentLog });
    await writer.write(await read(), wanted, stop.signal);
    return (await message()).includes('CustomResourceDefinition');
  });
  expect(await message()).toContain(
    'does not take status.scaling.limitedBy, status.shards.lagSeconds, status.workers, which is left out',
  );
  expect((await read()).status).toMatchObject({
    shards: [{ shardId: 'shardId-0', owner: 'a' }],
    scaling: { desired: 2 },
  });
});
