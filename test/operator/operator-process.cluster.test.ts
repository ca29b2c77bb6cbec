import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeWorkerConfig } from '../../src/api/worker-config.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { Site, type OperatorProcess } from './operator-process.ts';
import { until } from '../support/until.ts';
import { ProcessKubelet } from './process-kubelet.ts';

/*
 * What a user of kubectl gets from the operator, which runs as a process beside a real API server and its controllers.
 * Pods are worker processes in the namespace shop, and stay Pending elsewhere.
 */

let site: Site;
let operator: OperatorProcess;
let kubelet: ProcessKubelet;

beforeAll(async () => {
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 4 });
  operator = await site.startOperator().works();
  await site.kubectl('create namespace shop');
  await site.kubectl('create namespace shapes');
  await site.kubectl('create serviceaccount reader -n shapes');
  kubelet = new ProcessKubelet(site.plane.kubeconfig, 'shop');
});
afterAll(async () => {
  await kubelet?.close();
  await site?.close();
});

const group = (name: string, namespace: string, spec = '') => `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  stream: {name: orders}
  region: eu-west-1
  leases: {durationSeconds: 30, handoffTimeoutSeconds: 20}
${spec || '  handler: {log: {}}'}
`;

interface Container {
  name: string;
  args?: string[];
  command?: string[];
  env: { name: string; value?: string }[];
  lifecycle?: { preStop: { httpGet: object } };
  securityContext?: object;
}

interface Deployment {
  metadata: { uid: string; ownerReferences: object[] };
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    strategy: { rollingUpdate: object };
    template: {
      metadata: { labels: object };
      spec: { containers: Container[]; initContainers?: Container[]; terminationGracePeriodSeconds: number };
    };
  };
}

const configOf = ({ env }: Container) =>
  decodeWorkerConfig(env.find(({ name }) => name === 'KCG_WORKER_CONFIG')?.value);

/** Until each group was looked at twice more. */
async function twoLooks({ metric }: { metric: () => Promise<number> }, groups: number): Promise<void> {
  const before = await metric();
  await until('two more looks at each group', async () => (await metric()) >= before + 2 * groups);
}

describe('the Deployment of a group', () => {
  const deployment = (name: string) =>
    until(`the Deployment of ${name}`, () => site.get<Deployment>('deployment', `${name}-worker`, 'shapes'));

  test('runs the worker from the image of kcg for a log handler', async () => {
    await site.apply(group('plain', 'shapes'));
    const { metadata, spec } = await deployment('plain');
    const owner = await site.get('group', 'plain', 'shapes');
    expect(metadata.ownerReferences).toEqual([
      {
        apiVersion: 'kcg.dev/v1alpha1',
        kind: 'KinesisConsumerGroup',
        name: 'plain',
        uid: owner?.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    const labels = {
      'app.kubernetes.io/managed-by': 'kcg',
      'app.kubernetes.io/component': 'worker',
      'kcg.dev/group': 'plain',
    };
    expect(spec.selector.matchLabels).toEqual(labels);
    expect(spec.template.metadata.labels).toMatchObject(labels);
    expect(spec.replicas).toBe(4);
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: '25%', maxUnavailable: 0 });
    const pod = spec.template.spec;
    expect(pod.terminationGracePeriodSeconds).toBe(35);
    const worker = pod.containers[0]!;
    expect(worker).toMatchObject({ name: 'worker', image: 'kcg:test', args: ['worker'] });
    expect(worker.securityContext).toMatchObject({ runAsNonRoot: true, readOnlyRootFilesystem: true });
    const env = Object.fromEntries(worker.env.map(({ name, ...from }) => [name, from]));
    expect(configOf(worker)).toMatchObject({
      groupId: 'shapes.plain',
      stream: { name: 'orders' },
      region: 'eu-west-1',
      endpoints: { kinesis: site.kinesis.endpoint, dynamodb: site.dynamodb.endpoint },
      table: 'kinesis-checkpoints-shapes-plain',
      leaseDurationMs: 30_000,
      handoffTimeoutMs: 20_000,
    });
    const field = (path: string) => ({ valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: path } } });
    expect(env).toMatchObject({
      KCG_POD_NAME: field('metadata.name'),
      KCG_POD_UID: field('metadata.uid'),
      KCG_POD_IP: field('status.podIP'),
      KCG_NODE_NAME: field('spec.nodeName'),
      KCG_REVISION: field("metadata.annotations['kcg.dev/revision']"),
    });
    const budget = await until('a budget', () => site.get('budget', 'plain-worker', 'shapes'));
    expect(budget.spec).toEqual({
      maxUnavailable: '25%',
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: labels },
    });
  });

  test('puts the runtime into the container of a module handler', async () => {
    await site.apply(
      group(
        'module',
        'shapes',
        `  handler: {module: {path: /app/handler.mjs}}
  template:
    metadata: {labels: {team: blue}, annotations: {note: kept}}
    spec:
      terminationGracePeriodSeconds: 300
      serviceAccountName: reader
      containers: [{name: app, image: "shop:7", args: [ignored], env: [{name: A, value: b}, {name: KCG_POD_NAME, value: forged}]}]`,
      ),
    );
    const { spec } = await deployment('module');
    const pod = spec.template.spec;
    expect(spec.template.metadata).toMatchObject({ labels: { team: 'blue' }, annotations: { note: 'kept' } });
    expect(pod).toMatchObject({ terminationGracePeriodSeconds: 300, serviceAccountName: 'reader' });
    expect(pod.initContainers).toMatchObject([{ image: 'kcg:test', args: ['install', '/kcg'] }]);
    const app = pod.containers[0]!;
    expect(app).toMatchObject({
      name: 'app',
      image: 'shop:7',
      volumeMounts: [{ mountPath: '/kcg', readOnly: true }],
    });
    expect(app.command?.at(-1)).toBe('worker');
    expect(app.args).toBeUndefined();
    const env = app.env.map(({ name, value }) => `${name}=${value ?? '…'}`);
    expect(env).toContain('A=b');
    expect(env).toContain('KCG_POD_NAME=…');
    expect(env).not.toContain('KCG_POD_NAME=forged');
  });

  test('adds a worker to the application of an http handler, which outlives its last batch', async () => {
    await site.apply(
      group(
        'http',
        'shapes',
        `  handler: {http: {container: app, port: 3000, path: /in}}
  template: {spec: {containers: [{name: app, image: "shop:7"}]}}`,
      ),
    );
    const { spec } = await deployment('http');
    const [app, worker] = spec.template.spec.containers;
    expect(app?.lifecycle?.preStop.httpGet).toMatchObject({ path: '/v1/drained', port: 8085 });
    expect(worker).toMatchObject({ name: 'worker', image: 'kcg:test', args: ['worker'] });
    expect(configOf(worker!).handler).toEqual({ type: 'http', url: 'http://127.0.0.1:3000/in' });
  });

  test('comes back when somebody deletes it', async () => {
    const before = await deployment('plain');
    await site.kubectl('delete deployment plain-worker -n shapes --wait=false');
    const again = await until('another Deployment', async () => {
      const found = await site.get<Deployment>('deployment', 'plain-worker', 'shapes');
      return found && found.metadata.uid !== before.metadata.uid ? found : undefined;
    });
    expect(again.spec.replicas).toBe(4);
  });
});

describe('a group with workers', () => {
  test('becomes Ready, for kubectl wait and in the columns of kubectl get', async () => {
    await site.apply(group('orders', 'shop'));
    await site.kubectl('wait --for=condition=Ready kcg/orders -n shop --timeout=300s');
    // Numbers and lag move until each worker has its shard; an age is in seconds for two minutes.
    const AGE = '\\d+[smh][\\dsmh]*';
    const shown = (flags: string, line: RegExp) =>
      until(
        `${line}`,
        async () => line.test(await site.kubectl(`get kcg${flags} -n shop`)),
        300,
        () => site.kubectl(`get kcg${flags} -n shop`),
      );
    await shown(
      '',
      new RegExp(
        `^NAME +STREAM +SHARDS +PODS +LAG +READY +REASON +AGE\norders +orders +4/4 +4/4 +0s +True +Available +${AGE}\n$`,
      ),
    );
    await shown(
      ' orders -o wide --no-headers',
      new RegExp(
        `^orders +orders +4/4 +4/4 +0s +True +Available +Running +shop\\.orders +kinesis-checkpoints-shop-orders +100 +4 +${AGE}`,
      ),
    );
    await site.kubectl('wait --for=condition=Reconciling=False kcg/orders -n shop --timeout=300s');
  });

  test('tells who reads what, in its status', async () => {
    const status = await until('a shard for each pod', async () => {
      const now = (await site.group('orders', 'shop'))?.status;
      const isEven = now?.workers?.length === 4 && now.workers.every(({ leases }) => leases === 1);
      return isEven && now.leases?.handingOff === 0 && now.readyReplicas === 4 ? now : undefined;
    });
    expect(status).toMatchObject({
      observedGeneration: 1,
      groupId: 'shop.orders',
      replicas: 4,
      readyReplicas: 4,
      stream: { openShards: 4, closedShards: 0, retentionHours: 24 },
      leases: { total: 4, owned: 4, unowned: 0, handingOff: 0, workers: 4 },
      table: {
        name: 'kinesis-checkpoints-shop-orders',
        status: 'ACTIVE',
        created: true,
        ttl: 'ttl',
        pitr: 'off',
      },
      scaling: { desired: 4 },
    });
    const pods = new Set(kubelet.pods.map(({ options }) => options.name));
    expect(new Set(status.shards?.map(({ owner }) => owner))).toEqual(pods);
    expect(new Set(status.workers?.map(({ pod }) => pod))).toEqual(pods);
  });

  test('has its life written down as Events', async () => {
    // What is a step only is told with what it led to, half a minute late at most.
    const ofGroup = 'get events -n shop --field-selector involvedObject.kind=KinesisConsumerGroup';
    await until('the events', async () => {
      const events = await site.kubectl(ofGroup);
      return ['TableCreating', 'Claimed', 'Scaled', 'Available'].every((reason) => events.includes(reason));
    });
    expect(await site.kubectl('describe kcg orders -n shop')).toContain(
      'group id shop.orders claimed: nobody held it',
    );
  });

  test('is explained by kubectl, found by short name and category', async () => {
    expect(await site.kubectl('explain kcg.spec.handler')).toContain('What gets the records');
    const field = await site.kubectl('explain kcg.spec.checkpoints.deletionPolicy');
    expect(field).toContain('What happens to the positions when the group is deleted.');
    expect(field).toMatch(/Expire[^]*Retain|Retain[^]*Expire/);
    expect(await site.kubectl('explain kcg --recursive')).toContain('stabilizationSeconds');
    expect(await site.kubectl('explain kcg.status.leases')).toContain('handingOff');
    expect(await site.kubectl('get aws -n shop -o name')).toBe('kinesisconsumergroup.kcg.dev/orders\n');
  });

  test('is scaled by kubectl when it is said to be, and by nothing else', async () => {
    const refusal = await site.refused('scale kcg orders -n shop --replicas=2');
    expect(refusal).toContain('scaling.mode is ShardCount: the operator sets the number of workers');
    expect(await site.replicas('orders', 'shop')).toBe(4);
    await site.apply(
      group('orders', 'shop', '  handler: {log: {}}\n  scaling: {mode: External, replicas: 4}'),
    );
    await site.kubectl('scale kcg orders -n shop --replicas=2');
    await until('two workers', async () => {
      const { status } = (await site.group('orders', 'shop'))!;
      return status?.replicas === 2 && status.leases?.workers === 2 && status.leases.owned === 4;
    });
    // What an autoscaler reads: how many there are, and which.
    const path = '/apis/kcg.dev/v1alpha1/namespaces/shop/kinesisconsumergroups/orders/scale';
    const scale = JSON.parse(await site.kubectl(`get --raw ${path}`)) as {
      spec: object;
      status: { selector: string };
    };
    expect(scale).toMatchObject({ spec: { replicas: 2 }, status: { replicas: 2 } });
    // A worker has given all back before its process ends, and the pod goes after that.
    await until('two pods', async () => {
      const selected = await site.kubectl(`get pods -n shop -o name -l ${scale.status.selector}`);
      return selected.trim().split('\n').length === 2;
    });
    await site.kubectl('scale kcg orders -n shop --replicas=0');
    const limit = async () => (await site.conditions('orders', 'shop'))['ScalingLimited'];
    await until('the minimum is told', async () => (await limit()) === 'True MinReplicas');
    await until('the minimum is made', async () => (await site.replicas('orders', 'shop')) === 1);
    const patch = JSON.stringify({ spec: { scaling: { minReplicas: 0 } } });
    await site.kubectl(`patch kcg orders -n shop --type=merge -p ${patch}`);
    await until('no workers', async () => (await site.kubectl('get pods -n shop -o name')) === '');
    await site.kubectl('scale kcg orders -n shop --replicas=1');
    await until('one worker with all shards', async () => {
      const status = (await site.group('orders', 'shop'))?.status;
      return status?.leases?.workers === 1 && status.leases.owned === 4;
    });
  });

  test('that did not change costs no write, to Kubernetes or AWS, nor does a new operator', async () => {
    const own: string[] = [];
    const workersRow = /^(worker#|shardId-)/;
    site.dynamodb.fail((operation, input) => {
      const { shard_id: row } = (input['Key'] ?? input['Item'] ?? {}) as { shard_id?: { S?: string } };
      const isRead = /^(Describe|List|Query|Scan|GetItem|BatchGet)/.test(operation);
      if (!isRead && !workersRow.test(row?.S ?? '')) own.push(`${operation} ${row?.S ?? ''}`.trim());
      return undefined;
    });
    await until('nothing to do', async () => {
      const { summary, conditions } = (await site.group('orders', 'shop'))?.status ?? {};
      // What was just taken is as far behind as its row says, and read to its tip soon after.
      if (summary?.lag !== '0s') return false;
      return conditions?.some(({ type, reason }) => type === 'Reconciling' && reason === 'UpToDate');
    });
    // No pod of these ever runs, of which their status tells a minute after they began: it would be written while writes are counted.
    for (const name of ['plain', 'module', 'http'])
      await until(
        `${name} to be known as read by nobody`,
        async () => (await site.conditions(name, 'shapes'))['ShardsProgressing'] === 'False ShardsStopped',
        300,
      );
    // Ten minutes after these began Kubernetes says that they are stuck, and so does the status.
    const never = JSON.stringify({ spec: { progressDeadlineSeconds: 86_400 } });
    for (const name of ['plain', 'module', 'http'])
      await site.kubectl(`patch deployment ${name}-worker -n shapes -p ${never}`);
    const looks = { metric: () => operator.metric('kcg_operator_reconciles_total') };
    // A status is held back for some seconds, and so are Events: what is still to be told comes first.
    let before = await site.kubeWrites();
    await until('looks without a write', async () => {
      const earlier = before;
      await twoLooks(looks, 4);
      before = await site.kubeWrites();
      return JSON.stringify(before) === JSON.stringify(earlier);
    });
    expect(before['APPLY kinesisconsumergroups']).toBeGreaterThan(4);
    await twoLooks(looks, 4);
    expect(await site.kubeWrites()).toEqual(before);
    await operator.end('SIGKILL');
    operator = await site.startOperator().works();
    await twoLooks(looks, 4);
    expect(await site.kubeWrites()).toEqual(before);
    expect(await operator.metric('kcg_operator_group_condition')).toBeGreaterThan(0);
    expect(own).toEqual([]);
  });
});

describe('groups of one table', () => {
  const sharing = (name: string, groupId: string, settings = '') =>
    group(
      name,
      'shapes',
      `  groupId: ${groupId}
  desiredState: Stopped
  handler: {log: {}}
  checkpoints: {table: {name: shared${settings}}}`,
    );
  const conditionIs = (name: string, type: string, is: string) =>
    until(`${type} of ${name} to be ${is}`, async () => (await site.conditions(name, 'shapes'))[type] === is);
  const status = (name: string) =>
    kcgHere(
      ['status', name, '-n', 'shapes', '--kubeconfig', site.plane.kubeconfig, ...endpoints()],
      LOCAL_CREDENTIALS,
    );
  const endpoints = () => [
    '--kinesis-endpoint',
    site.kinesis.endpoint,
    '--dynamodb-endpoint',
    site.dynamodb.endpoint,
  ];

  test('that ask for other settings than the first are told who has them', async () => {
    await site.apply(sharing('first', 'first'));
    await conditionIs('first', 'GroupClaimed', 'True Claimed');
    await site.apply(sharing('second', 'second', ', pointInTimeRecovery: true'));
    await conditionIs('second', 'TableReady', 'True TableSettingsHeld');
    const { stdout } = await status('second');
    expect(stdout).toContain('TableSettingsHeld: table shared is ACTIVE; left to group first');
    expect(stdout).toContain('pointInTimeRecovery: off → on. Set these in group first');
  }, 600_000);

  test('with the id of another wait, and go on when that one is deleted', async () => {
    await site.apply(sharing('rival', 'first', ', pointInTimeRecovery: true'));
    await conditionIs('rival', 'GroupClaimed', 'False ClaimedByOtherResource');
    await conditionIs('rival', 'TableReady', 'True TableSettingsHeld');
    const { stdout } = await status('rival');
    expect(stdout.match(/Delete one of them/gi)).toHaveLength(1);
    await site.kubectl('delete kcg first -n shapes --wait=false');
    await conditionIs('rival', 'GroupClaimed', 'True Claimed');
    await conditionIs('rival', 'TableReady', 'True TableActive');
  }, 600_000);
});
