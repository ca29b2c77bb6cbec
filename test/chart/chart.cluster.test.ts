import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasPodEnded } from '../../src/kubernetes/candidate.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { startControlPlane, untilServed, type ControlPlane } from '../support/control-plane.ts';
import { printed } from '../support/kubectl.ts';
import { until } from '../support/until.ts';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { startInstalledOperator, type InstalledOperator } from './installed-operator.ts';
import { OPERATOR_CALLS, OWNER_RIGHT, type KubeCall } from './operator-calls.ts';
import { CHART, rendered, runHelm, template } from './render-chart.ts';

/* deploy/ on a real API server: it is taken without a warning, and its rights are enough for the operator and no more. */

const helm = requireToolInCi('helm');
if (helm === undefined) process.stderr.write(`skipped: watched namespaces: ${howToGet('helm')}\n`);

/** Of the groups. */
const NAMESPACE = 'chart-test';
let plane: ControlPlane;
let applied: { code: number; stderr: string };

beforeAll(async () => {
  plane = await startControlPlane();
  // The namespace and the definition have to be there before the rest; one call orders them so.
  applied = await plane.kubectl(['apply', '-k', 'deploy']);
  await untilServed(plane.kubectl, 'kinesisconsumergroups.kcg.dev');
  await kubectl(`create namespace ${NAMESPACE}`);
});
afterAll(async () => {
  // The cluster can be one that goes on. The definition stays: others may be using it.
  const made = ['-f', 'deploy/operator.yaml', '-f', 'deploy/namespace.yaml'];
  await plane?.kubectl(['delete', '--ignore-not-found', '--wait=false', ...made]);
  await plane?.kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
  await plane?.stop();
});

const kubectl = (line: string, stdin?: string) => printed(plane.kubectl, line, stdin);

test('apply -k takes it all, without a word of warning, and twice', async () => {
  expect(applied).toMatchObject({ code: 0, stderr: '' });
  const again = await plane.kubectl(['apply', '-k', 'deploy']);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  const moved = again.stdout.split('\n').filter((line) => line !== '' && !line.endsWith(' unchanged'));
  // kubectl replaces the selector of every budget, be it the same or not.
  expect(moved).toEqual(['poddisruptionbudget.policy/kcg configured']);
});

test('its pods pass the pod security admission of their namespace', async () => {
  const pods = await until('two pods', async () => {
    const names = (await kubectl('get pods -n kcg-system -o name')).trim().split('\n');
    return names.length === 2 && names;
  });
  expect(pods[0]).toMatch(/^pod\/kcg-/);
  // A new namespace has no ServiceAccount `default` for a moment, and that is told first.
  await until('the refusal', async () => {
    const { code, stderr } = await plane.kubectl('run root --image=busybox -n kcg-system'.split(' '));
    expect(code).not.toBe(0);
    return stderr.includes('violates PodSecurity "restricted');
  });
});

test.skipIf(helm === undefined)('all that a cluster may ask for is what the API server knows', async () => {
  const values = {
    crds: { install: false },
    commonLabels: { team: 'data' },
    commonAnnotations: { owner: 'data' },
    deploymentAnnotations: { a: 'b' },
    imagePullSecrets: [{ name: 'a' }],
    global: { imageRegistry: 'mirror.example', imagePullSecrets: ['b'] },
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['10.0.0.2'] },
    hostAliases: [{ ip: '10.0.0.3', hostnames: ['kinesis.internal'] }],
    extraArgs: ['--log-level=debug'],
    extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
    extraVolumeMounts: [{ name: 'ca', mountPath: '/ca', readOnly: true }],
    extraContainers: [{ name: 'helper', image: 'helper:1' }],
    initContainers: [{ name: 'first', image: 'first:1' }],
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca', namespace: 'kcg-system' } },
    ],
    podSecurityContext: { fsGroup: 65532 },
    securityContext: { appArmorProfile: { type: 'RuntimeDefault' } },
    livenessProbe: { initialDelaySeconds: 30 },
    podDisruptionBudget: { maxUnavailable: '50%' },
    serviceAccount: { roleArn: 'arn:aws:iam::123456789012:role/kcg', labels: { a: 'b' } },
    admissionPolicy: { create: true },
    networkPolicy: { enabled: true },
    dashboard: { enabled: true },
    metrics: { dashboards: { enabled: true } },
  };
  // The pod of helm test is looked at with its ServiceAccount, which a dry run does not make.
  const items = rendered(helm!, values, { release: 'asked' }).filter(({ kind }) => kind !== 'Pod');
  const dryRun = ['create', '--dry-run=server', '--validate=strict', '-f', '-'];
  const list = { apiVersion: 'v1', kind: 'List', items };
  const { code, stderr } = await plane.kubectl(dryRun, JSON.stringify(list));
  // Of containers that know nothing of the standard.
  expect(stderr.replaceAll(/^Warning: would violate PodSecurity .*\n/gm, '')).toBe('');
  expect(code).toBe(0);
});

test.skipIf(helm === undefined)(
  'Helm looks for other operators, and without a ClusterRole asks no more than the docs say',
  async () => {
    const run = (line: string) => runHelm(helm!, line.split(' '), '', { KUBECONFIG: plane.kubeconfig });
    const install = `install other ${CHART} -n ${NAMESPACE} --set crds.install=false`;
    const warning = 'another operator of kcg is in this cluster: kcg-system/kcg';
    const looked = run(`${install} --dry-run=server`);
    expect(looked).toMatchObject({ code: 0, stdout: expect.stringContaining(warning) as string });
    const blocks = readFileSync('docs/multi-tenant.md', 'utf8').matchAll(/^```yaml\n(.*?)^```/gms);
    const role = [...blocks].find(([, yaml]) => yaml?.includes('name: kcg-installer'))!;
    await kubectl('apply -f -', role[1]);
    for (const name of ['admin', 'kcg-installer'])
      await kubectl(`create rolebinding ${name} --clusterrole=${name} --user=installer -n ${NAMESPACE}`);
    const here = `--set watchNamespaces={${NAMESPACE}} --set clusterId=one --set rbac.clusterRoles=false`;
    // A right counts a moment after it is given.
    const installed = await until('the release', async () => {
      const result = run(
        `${install.replace('install', 'upgrade --install')} ${here} --kube-as-user installer`,
      );
      return result.code === 0 && result;
    });
    expect(installed.stdout).toContain(`kubectl get kcg -n ${NAMESPACE}`);
    expect(run(`uninstall other -n ${NAMESPACE} --kube-as-user installer`)).toMatchObject({ code: 0 });
  },
);

/** kubectl's answer for the operator's ServiceAccount. */
const canI = async ({ verb, group, resource, name, where }: KubeCall, namespace = NAMESPACE) => {
  const [plural = '', subresource] = resource.split('/');
  const target = `${plural}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  const flags = [
    '--as=system:serviceaccount:kcg-system:kcg',
    '-n',
    where === 'own' ? 'kcg-system' : namespace,
  ];
  if (subresource !== undefined) flags.push(`--subresource=${subresource}`);
  const { stdout } = await plane.kubectl(['auth', 'can-i', verb, target, ...flags]);
  return stdout.trim();
};

describe('the ServiceAccount', () => {
  test('may make each call of the operator', async () => {
    for (const call of [...OPERATOR_CALLS, OWNER_RIGHT]) {
      // The API server learns of roles a moment after they are made.
      await until(`the right to ${JSON.stringify(call)}`, async () => (await canI(call)) === 'yes');
    }
  });

  // oxfmt-ignore
  const NOT_ITS_BUSINESS: [group: string, resource: string, verbs: string, name?: string][] = [
    ['', 'secrets', 'get list watch create'],
    ['', 'nodes', 'get list patch'],
    ['', 'configmaps', 'get list create'],
    ['', 'serviceaccounts', 'get create'],
    ['', 'serviceaccounts/token', 'create'],
    ['', 'namespaces', 'list create delete'],
    ['', 'pods', 'get create delete'],
    ['', 'pods/exec', 'create'],
    ['', 'pods/eviction', 'create'],
    ['apps', 'deployments', 'update deletecollection'],
    ['apps', 'daemonsets', 'create'],
    ['kcg.dev', 'kinesisconsumergroups', 'get create update delete'],
    ['coordination.k8s.io', 'leases', 'list create update'],
    ['rbac.authorization.k8s.io', 'clusterroles', 'get create bind escalate'],
  ];
  test('may not do what else a cluster offers', async () => {
    for (const [group, resource, verbs, name] of NOT_ITS_BUSINESS) {
      for (const verb of verbs.split(' ')) {
        const call = { group, resource, verb, ...(name === undefined ? {} : { name }) };
        expect({ call, answer: await canI(call) }).toEqual({ call, answer: 'no' });
      }
    }
  });

  test('may touch no Lease but its own', async () => {
    const lease = { group: 'coordination.k8s.io', resource: 'leases', where: 'own' } as const;
    expect(await canI({ ...lease, verb: 'update', name: 'another' })).toBe('no');
    expect(await canI({ ...lease, verb: 'delete', name: 'kcg-operator' })).toBe('no');
  });
});

describe('users', () => {
  test('get groups with the roles view and edit that they have', async () => {
    for (const role of ['view', 'edit']) {
      await kubectl(`create rolebinding ${role}er --clusterrole=${role} --user=${role}er -n ${NAMESPACE}`);
    }
    const may = async (line: string) => {
      const { stdout } = await plane.kubectl(['auth', 'can-i', ...line.split(' '), '-n', NAMESPACE]);
      return stdout.trim();
    };
    // A controller puts the roles together.
    await until('the right', async () => (await may('list kcg --as=viewer')) === 'yes');
    await until('the right', async () => (await may('create kcg --as=editer')) === 'yes');
    expect(await may('create kcg --as=viewer')).toBe('no');
    expect(await may('get kcg --as=editer')).toBe('yes');
    expect(await may('patch kcg --subresource=scale --as=editer')).toBe('yes');
    expect(await may('patch kcg --subresource=scale --as=viewer')).toBe('no');
    expect(await may('patch kcg --subresource=status --as=editer')).toBe('no');
    // To move positions takes a right of its own.
    expect(await may('get kcgreset --as=viewer')).toBe('yes');
    expect(await may('create kcgreset --as=editer')).toBe('no');
    await kubectl(`create rolebinding resetter --clusterrole=kcg-reset --user=resetter -n ${NAMESPACE}`);
    await until('the right', async () => (await may('create kcgreset --as=resetter')) === 'yes');
    expect(await may('patch kcgreset --subresource=status --as=resetter')).toBe('no');
    expect(await may('patch kcg --as=resetter')).toBe('no');
  });
});

describe('the operator', () => {
  let operator: InstalledOperator;
  beforeAll(async () => {
    operator = await startInstalledOperator(plane);
  });
  afterAll(async () => {
    await operator?.stop();
  });

  const group = (replicas: number) => `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: ${NAMESPACE}}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  scaling: {mode: Fixed, replicas: ${replicas}}
  # The beats of its workers stand still here.
  leases: {durationSeconds: 300}
  checkpoints: {deletionPolicy: Delete}
`;
  const pods = async () =>
    (await operator.cluster.list(KINDS.pod, { namespace: NAMESPACE })).map(({ metadata }) => metadata);

  test("makes each call of the list in a group's life, and no other, and none is refused", async () => {
    await kubectl('apply -f -', group(2));
    const [worker] = await until('two worker pods', async () => {
      const found = await pods();
      return found.length === 2 && found;
    });
    const { name, uid } = worker!;
    const row = { shard_id: `worker#${name}`, incarnation: 'a', beat: 1, state: 'live', revision: 1 };
    operator.table.store(row.shard_id, { ...row, address: '', pod_uid: uid, started_at: 1, lagging: {} });
    for (const { shardId, hashStart, hashEnd } of operator.kinesis.listShards('orders').shards) {
      const lease = { shard_id: shardId, epoch: 1, sequence: 'TRIM_HORIZON', ref: `${name}/a` };
      operator.table.store(shardId, { ...lease, hash_start: hashStart, hash_end: hashEnd });
    }
    await until('the held shards in the status', async () => {
      return (await kubectl(`get kcg orders -n ${NAMESPACE} -o jsonpath={.status.leases.owned}`)) === '2';
    });
    await kubectl('apply -f -', group(1));
    await until(
      'one worker pod',
      async () => (await pods()).filter((pod) => !pod.deletionTimestamp).length === 1,
    );
    const reset = { group: 'orders', to: { type: 'Latest' }, dryRun: true };
    const metadata = { name: 'look', namespace: NAMESPACE };
    const { apiVersion, kind } = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisOffsetReset' };
    await kubectl('apply -f -', JSON.stringify({ apiVersion, kind, metadata, spec: reset }));
    await kubectl(`wait --for=condition=Complete kcgreset/look -n ${NAMESPACE} --timeout=300s`);
    const brief = { ...reset, ttlSecondsAfterFinished: 0 };
    await kubectl(
      'apply -f -',
      JSON.stringify({ apiVersion, kind, metadata: { ...metadata, name: 'brief' }, spec: brief }),
    );
    await until('the end of a reset that is over', async () =>
      operator.made().has('delete kinesisoffsetresets'),
    );
    // The same event again counts the first one up.
    const regarding = await operator.cluster.list(KINDS.deployment, { namespace: NAMESPACE });
    for (let count = 1; count <= 2; count += 1) {
      operator.cluster.recordEvent({
        regarding: regarding[0]!,
        type: 'Normal',
        reason: 'Test',
        note: 'n',
        action: 'Test',
      });
      const reasons = `get events.events.k8s.io -n ${NAMESPACE} -o jsonpath={.items[*].reason}`;
      await until('the event', async () =>
        count === 1
          ? (await kubectl(reasons)).split(' ').includes('Test')
          : operator.made().has('patch events'),
      );
    }
    const noBudget = JSON.stringify({ spec: { disruptionBudget: { management: 'External' } } });
    await kubectl(`patch kcg orders -n ${NAMESPACE} --type=merge -p ${noBudget}`);
    await until('the end of the budget', async () => operator.made().has('delete poddisruptionbudgets'));
    // What a candidate asks about the last leader.
    const { signal } = new AbortController();
    const gone = { namespace: 'kcg-system', holder: 'nobody_uid_1', signal };
    expect(await hasPodEnded(operator.cluster, gone)).toBe(true);
    await kubectl(`delete kcg orders -n ${NAMESPACE} --wait=true --timeout=300s`);
    await until('the end of the pods', async () => (await pods()).length === 0);
    await until('a renewal', async () => operator.made().has('update leases'));

    expect(operator.requests.filter(({ statusCode }) => statusCode === 401 || statusCode === 403)).toEqual(
      [],
    );
    // To create with server-side apply is a patch that needs both rights.
    const byApply = new Set(['create deployments', 'create poddisruptionbudgets']);
    const listed = OPERATOR_CALLS.map(({ verb, resource }) => `${verb} ${resource.split('/')[0]}`);
    expect([...operator.made()].sort()).toEqual(
      [...new Set(listed)].filter((call) => !byApply.has(call)).sort(),
    );
  });

  test.skipIf(helm === undefined)(
    'needs no right beyond the namespaces it watches and its own, and no ClusterRole',
    async () => {
      await operator.stop();
      await kubectl('delete clusterrole,clusterrolebinding kcg');
      const values = { watchNamespaces: [NAMESPACE], rbac: { clusterRoles: false }, clusterId: 'one' };
      const { stdout } = template(helm!, values);
      expect(stdout).not.toContain('kind: Cluster');
      await kubectl('apply -f -', stdout);
      const list = { group: 'kcg.dev', resource: 'kinesisconsumergroups', verb: 'list' };
      await until('the end of the rights', async () => (await canI(list, 'default')) === 'no');
      await until('the new rights', async () => (await canI(list)) === 'yes');
      const clusterId = 'one';
      operator = await startInstalledOperator(plane, { namespaces: [NAMESPACE], clusterId });
      // What the namespace says, it may read.
      await kubectl(`annotate namespace ${NAMESPACE} kcg.dev/max-replicas=1`);
      await kubectl('apply -f -', group(2));
      const limited = `get kcg orders -n ${NAMESPACE} -o jsonpath={.status.scaling.limitedBy}`;
      await until('the limit', async () => (await kubectl(limited)) === 'NamespaceLimit');
      await until('a worker pod', async () => (await pods()).length === 1);
      expect(operator.table.rows().find(({ shard_id }) => shard_id === 'group#claim')).toMatchObject({
        cluster_id: clusterId,
      });
      // A budget of the user's own in place of ours.
      await kubectl('apply -f -', `${group(1)}  disruptionBudget: {management: External}\n`);
      await until('no budget', async () => operator.made().has('delete poddisruptionbudgets'));
      await kubectl(`delete kcg orders -n ${NAMESPACE} --wait=true --timeout=300s`);
      expect(operator.requests.filter(({ statusCode }) => statusCode === 401 || statusCode === 403)).toEqual(
        [],
      );
    },
  );
});
