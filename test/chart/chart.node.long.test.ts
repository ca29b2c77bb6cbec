import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deployYaml } from '../../scripts/generate-deploy.ts';
import { operatorOptions } from '../../src/main/operator/operator-options.ts';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { OPERATOR_CALLS, OWNER_RIGHT, type KubeCall } from './operator-calls.ts';
import {
  CHART,
  find,
  idsOf,
  rendered,
  runHelm,
  template,
  type Manifest,
  type Values,
} from './render-chart.ts';

const helm = requireToolInCi('helm') ?? '';
if (helm === '') process.stderr.write(`skipped: the chart: Helm is missing: ${howToGet('helm')}\n`);

const render = (values: Values, where?: { release?: string; namespace?: string }) =>
  rendered(helm, values, where);

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}
interface Container {
  image: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: unknown }[];
  securityContext: Record<string, unknown>;
}
interface PodSpec {
  containers: Container[];
  securityContext: Record<string, unknown>;
  [field: string]: unknown;
}

const podOf = (values: Values = {}) =>
  (find(render(values), 'Deployment')!['spec'] as { template: { spec: PodSpec } }).template.spec;
const operatorOf = (values: Values = {}) => podOf(values).containers[0]!;
const envOf = (values: Values = {}) =>
  Object.fromEntries(operatorOf(values).env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));

/** What its bindings let the operator do: by namespace, `*` for all of them. */
function rightsOf(manifests: Manifest[]): Map<string, Set<string>> {
  const rights = new Map<string, Set<string>>();
  for (const binding of manifests.filter(({ kind }) => kind.endsWith('RoleBinding'))) {
    const { kind, name } = binding['roleRef'] as { kind: string; name: string };
    const namespace = binding.metadata.namespace;
    const role = manifests.find(
      (each) => each.kind === kind && each.metadata.name === name && each.metadata.namespace === namespace,
    );
    expect(binding['subjects']).toEqual([{ kind: 'ServiceAccount', name: 'kcg', namespace: 'kcg-system' }]);
    const held = rights.get(namespace ?? '*') ?? new Set();
    for (const rule of role!['rules'] as Rule[]) for (const right of spelledOut(rule)) held.add(right);
    rights.set(namespace ?? '*', held);
  }
  return rights;
}

function spelledOut({ apiGroups, resources, verbs, resourceNames = [''] }: Rule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => resourceNames.map((name) => rightOf({ group, resource, verb, name }))),
    ),
  );
}

const rightOf = ({ verb, group, resource, name = '' }: KubeCall) =>
  `${verb} ${group}/${resource} ${name}`.trim();
const needed = (...where: KubeCall['where'][]) =>
  new Set([...OPERATOR_CALLS, OWNER_RIGHT].filter((call) => where.includes(call.where)).map(rightOf));

/** In a watched namespace, of which only that one is read. */
const inside = (namespace: string, ...where: KubeCall['where'][]) =>
  new Set(
    [...needed(undefined, ...where)].map((right) =>
      right === 'get /namespaces' ? `${right} ${namespace}` : right,
    ),
  );

describe.skipIf(helm === '')('the chart', () => {
  test('passes helm lint --strict', () => {
    expect(runHelm(helm, ['lint', '--strict', CHART])).toMatchObject({ code: 0 });
  });

  test('renders an operator of two that stand in for each other', () => {
    expect(idsOf(render({}))).toEqual([
      'ClusterRole -/kcg',
      'ClusterRole -/kcg-edit',
      'ClusterRole -/kcg-reset',
      'ClusterRole -/kcg-view',
      'ClusterRoleBinding -/kcg',
      'CustomResourceDefinition -/kinesisconsumergroups.kcg.dev',
      'CustomResourceDefinition -/kinesisoffsetresets.kcg.dev',
      'Deployment kcg-system/kcg',
      'Pod kcg-system/kcg-test',
      'PodDisruptionBudget kcg-system/kcg',
      'Role kcg-system/kcg-leader-election',
      'RoleBinding kcg-system/kcg-leader-election',
      'Service kcg-system/kcg-metrics',
      'ServiceAccount kcg-system/kcg',
    ]);
    expect(find(render({}), 'Deployment')).toMatchObject({ spec: { replicas: 2 } });
  });

  test('a single operator gets no budget, which would only block the drain of its node', () => {
    expect(find(render({ replicas: 1 }), 'PodDisruptionBudget')).toBeUndefined();
  });

  test('another release is named after both, so that two can be in one cluster', () => {
    const one = new Set(idsOf(render({})));
    const other = idsOf(render({}, { release: 'shop', namespace: 'shop' }));
    expect(other).toContain('ClusterRole -/shop-kcg');
    // Definitions belong to one release: see crds.cluster.long.test.ts.
    expect(other.filter((id) => one.has(id) && !id.startsWith('CustomResourceDefinition'))).toEqual([]);
  });

  test('selectors stay what they are from version to version', () => {
    const selector = {
      'app.kubernetes.io/name': 'kcg',
      'app.kubernetes.io/instance': 'kcg',
      'app.kubernetes.io/component': 'operator',
    };
    const manifests = render({});
    const deployment = find(manifests, 'Deployment')!['spec'] as {
      selector: unknown;
      template: { metadata: unknown };
    };
    expect(deployment.selector).toEqual({ matchLabels: selector });
    expect(deployment.template.metadata).toMatchObject({ labels: selector });
    expect(find(manifests, 'PodDisruptionBudget')).toMatchObject({
      spec: { selector: { matchLabels: selector } },
    });
    expect(find(manifests, 'Service')).toMatchObject({ spec: { selector, clusterIP: 'None' } });
  });
});

describe.skipIf(helm === '')('rights', () => {
  test('are those of the calls the operator makes, and no others', () => {
    const rights = rightsOf(render({}));
    // Of namespaces all are read, kube-system among them.
    const all = [...needed(undefined, 'cluster')].filter((right) => right !== 'get /namespaces kube-system');
    expect(rights.get('*')).toEqual(new Set(all));
    expect(rights.get('kcg-system')).toEqual(needed('own'));
    expect(rights.size).toBe(2);
  });

  test('end at the watched namespaces', () => {
    const rights = rightsOf(render({ watchNamespaces: ['shop', 'kcg-system'] }));
    expect(rights.get('*')).toEqual(needed('cluster'));
    expect(rights.get('shop')).toEqual(inside('shop'));
    expect(rights.get('kcg-system')).toEqual(inside('kcg-system', 'own'));
    expect(rights.size).toBe(3);
  });

  test('end there without a ClusterRole, for users neither', () => {
    const values = { watchNamespaces: ['shop'], rbac: { clusterRoles: false }, clusterId: 'one' };
    const manifests = render(values);
    const rights = rightsOf(manifests);
    expect(rights.get('shop')).toEqual(inside('shop'));
    expect(rights.get('kcg-system')).toEqual(needed('own'));
    expect(rights.size).toBe(2);
    expect(idsOf(manifests).filter((id) => id.startsWith('Cluster'))).toEqual([]);
    expect(idsOf(manifests)).toEqual(expect.arrayContaining(['Role shop/kcg-edit', 'Role shop/kcg-view']));
    expect(envOf(values)['KCG_CLUSTER_ID']).toBe('one');
  });

  test.each([
    [{ clusterId: 'one' }, 'list them in watchNamespaces'],
    [{ watchNamespaces: ['shop'] }, 'kubectl get namespace kube-system -o jsonpath={.metadata.uid}'],
  ])('without a ClusterRole need %o too', (values, words) => {
    const { code, stderr } = template(helm, { rbac: { clusterRoles: false }, ...values });
    expect(code).not.toBe(0);
    expect(stderr).toContain(words);
  });

  test('have no wildcard, for users neither', () => {
    for (const values of [{}, { watchNamespaces: ['shop'] }]) {
      const roles = render(values).filter(({ kind }) => kind.endsWith('Role'));
      expect(roles.length).toBeGreaterThan(2);
      expect(roles.flatMap((role) => (role['rules'] as Rule[]).flatMap(spelledOut)).join()).not.toContain(
        '*',
      );
    }
  });

  test('of users are added to the roles they have', () => {
    const manifests = render({});
    const labels = (name: string) =>
      manifests.find(({ metadata }) => metadata.name === name)!.metadata.labels;
    expect(labels('kcg-view')).toMatchObject({ 'rbac.authorization.k8s.io/aggregate-to-view': 'true' });
    expect(labels('kcg-edit')).toMatchObject({
      'rbac.authorization.k8s.io/aggregate-to-edit': 'true',
      'rbac.authorization.k8s.io/aggregate-to-admin': 'true',
    });
  });

  test('can all be left to somebody else', () => {
    const values = {
      rbac: { create: false, aggregate: false },
      serviceAccount: { create: false, name: 'mine' },
    };
    expect(idsOf(render(values)).filter((id) => /Role|ServiceAccount/.test(id))).toEqual([]);
    expect(podOf(values)['serviceAccountName']).toBe('mine');
  });
});

describe.skipIf(helm === '')('the pod', () => {
  test('is what the pod security standard "restricted" asks for', () => {
    const { securityContext, containers, volumes, hostNetwork } = podOf();
    expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(containers.map((each) => each.securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    ]);
    expect({ volumes, hostNetwork }).toEqual({});
  });

  test('gives workers its own image, unless told another', () => {
    const image = { repository: 'ghcr.io/x/kcg', tag: '9' };
    expect(operatorOf({ image }).image).toBe('ghcr.io/x/kcg:9');
    expect(envOf({ image })['KCG_WORKER_IMAGE']).toBe('ghcr.io/x/kcg:9');
    expect(envOf({ image, workerImage: 'w:1' })['KCG_WORKER_IMAGE']).toBe('w:1');
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(operatorOf({ image: { ...image, digest } }).image).toBe(`ghcr.io/x/kcg@${digest}`);
  });

  test('sets every variable the operator has, and no other', () => {
    const values = {
      defaultRegion: 'eu-west-1',
      endpoints: {
        kinesis: 'http://k:1',
        dynamodb: 'http://d:1',
        sqs: 'http://q:1',
        sns: 'http://n:1',
        s3: 'http://s:1',
      },
      watchNamespaces: ['shop', 'billing'],
      clusterId: 'one',
      logLevel: 'debug',
      dashboard: { enabled: true },
      openTelemetry: { endpoint: 'http://o:4318' },
    };
    const known = Object.values(operatorOptions).flatMap((option) => ('env' in option ? [option.env] : []));
    const others = ['MALLOC_ARENA_MAX', 'NODE_OPTIONS', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
    expect(Object.keys(envOf(values)).sort()).toEqual([...known, ...others].sort());
    expect(envOf(values)).toMatchObject({
      KCG_DEFAULT_REGION: 'eu-west-1',
      KCG_KINESIS_ENDPOINT: 'http://k:1',
      KCG_DYNAMODB_ENDPOINT: 'http://d:1',
      KCG_SQS_ENDPOINT: 'http://q:1',
      KCG_SNS_ENDPOINT: 'http://n:1',
      KCG_S3_ENDPOINT: 'http://s:1',
      KCG_WORKER_OTLP_ENDPOINT: 'http://o:4318',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://o:4318',
      KCG_WATCH_NAMESPACES: 'shop,billing',
      KCG_LOG_LEVEL: 'debug',
      KCG_LEADER_ELECT: 'true',
      KCG_NAMESPACE: { fieldRef: { fieldPath: 'metadata.namespace' } },
    });
  });

  test('sends nothing by OTLP unless it is told to, and with workers: false nothing of workers', () => {
    const endpoint = 'http://o:4318';
    expect(Object.keys(envOf({})).filter((name) => /OTEL|OTLP/.test(name))).toEqual([]);
    const alone = envOf({ openTelemetry: { endpoint, workers: false } });
    expect(alone).toMatchObject({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    expect(alone).not.toHaveProperty('KCG_WORKER_OTLP_ENDPOINT');
  });

  test.for([
    ['NODE_OPTIONS', '--max-semi-space-size=8 --v8-pool-size=1', '--use-openssl-ca'],
    ['MALLOC_ARENA_MAX', '1', '2'],
  ])('leaves %s to who sets it, as a variable of a container has one value', ([name, value, theirs]) => {
    const given = (values: Values) => operatorOf(values).env.filter((each) => each.name === name);
    expect(given({})).toEqual([{ name, value }]);
    const extraEnv = [{ name, value: theirs }];
    expect(given({ extraEnv })).toEqual(extraEnv);
  });

  test('takes what a cluster asks of pods', () => {
    const asked = {
      nodeSelector: { pool: 'system' },
      tolerations: [{ key: 'system', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }],
      priorityClassName: 'system-cluster-critical',
      dnsPolicy: 'Default',
      imagePullSecrets: [{ name: 'registry' }],
    };
    expect(podOf(asked)).toMatchObject(asked);
    const extra = {
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
      extraEnvFrom: [{ secretRef: { name: 'aws' } }],
      resources: { limits: { memory: '1Gi' } },
    };
    expect(operatorOf(extra)).toMatchObject({ envFrom: extra.extraEnvFrom, resources: extra.resources });
    expect(envOf(extra)['HTTPS_PROXY']).toBe('http://proxy:3128');
    const marked = { podLabels: { team: 'data' }, podAnnotations: { 'prometheus.io/scrape': 'true' } };
    expect(find(render(marked), 'Deployment')).toMatchObject({
      spec: { template: { metadata: { labels: marked.podLabels, annotations: marked.podAnnotations } } },
    });
    const arn = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/kcg' };
    expect(find(render({ serviceAccount: { annotations: arn } }), 'ServiceAccount')).toMatchObject({
      metadata: { annotations: arn },
    });
  });
});

const ROLE = 'arn:aws:iam::123456789012:role/teams/kcg-operator';
// oxfmt-ignore
const REFUSED: [values: Values, says: string][] = [
  [{ replica: 3 }, "additional properties 'replica' not allowed"],
  [{ image: { name: 'kcg' } }, "at '/image': additional properties 'name' not allowed"],
  [{ serviceAccount: { annotation: {} } }, "at '/serviceAccount': additional properties 'annotation' not allowed"],
  [{ replicas: '2' }, "at '/replicas': got string, want integer"],
  [{ watchNamespaces: 'shop' }, "at '/watchNamespaces': got string, want array"],
  [{ watchNamespaces: ['Shop'] }, "at '/watchNamespaces/0': 'Shop' does not match pattern"],
  [{ logLevel: 'loud' }, "at '/logLevel': value must be one of 'debug', 'info'"],
  [{ defaultRegion: 'europe' }, "at '/defaultRegion': 'europe' does not match pattern"],
  [{ endpoints: { kinesis: 'kinesis:4567' } }, "at '/endpoints/kinesis': 'kinesis:4567' does not match pattern"],
  [{ image: { digest: 'abc' } }, "at '/image/digest': 'abc' does not match pattern"],
  [{ extraEnv: [{ name: 'A', value: 1 }] }, "at '/extraEnv/0/value': got number, want string"],
  [{ extraEnv: { A: '1' } }, "at '/extraEnv': got object, want array"],
  [{ podAnnotations: { a: true } }, "at '/podAnnotations/a': got boolean, want string"],
  [{ metrics: { podMonitor: { enabled: true, interval: '30' } } }, "at '/metrics/podMonitor/interval': '30' does not match pattern"],
  [{ metrics: { prometheusRule: { runbookUrl: 'wiki#x' } } }, "at '/metrics/prometheusRule/runbookUrl': 'wiki#x' does not match pattern"],
  [{ networkPolicy: { ingress: [] } }, "at '/networkPolicy': additional properties 'ingress' not allowed"],
  [{ dashboard: { reach: 'Everybody' } }, "at '/dashboard/reach': value must be one of 'Loopback', 'Cluster'"],
  [{ dashboard: { hosts: ['https://kcg.example'] } }, "at '/dashboard/hosts/0': 'https://kcg.example' does not match pattern"],
  [{ dnsPolicy: 'Nobody' }, "at '/dnsPolicy': value must be one of"],
  [{ dnsPolicy: 'None' }, 'dnsPolicy is None: name servers in dnsConfig.nameservers'],
  [{ extraArgs: '--log-level=debug' }, "at '/extraArgs': got string, want array"],
  [{ extraVolumes: { name: 'ca' } }, "at '/extraVolumes': got object, want array"],
  [{ extraObjects: [7] }, "at '/extraObjects/0': got number, want string or object"],
  [{ fullnameOverride: 'My_Kcg' }, "at '/fullnameOverride': 'My_Kcg' does not match pattern"],
  [{ commonLabels: { team: 7 } }, "at '/commonLabels/team': got number, want string"],
  [{ livenessProbe: { period: 3 } }, "at '/livenessProbe': additional properties 'period' not allowed"],
  [{ livenessProbe: { periodSeconds: 0 } }, "at '/livenessProbe/periodSeconds': minimum: got 0, want 1"],
  [{ podDisruptionBudget: { maxUnavailable: 'half' } }, "at '/podDisruptionBudget/maxUnavailable': 'half' does not match pattern"],
  [{ serviceAccount: { roleArn: 'kcg-operator' } }, "at '/serviceAccount/roleArn': 'kcg-operator' does not match pattern"],
  [{ serviceAccount: { roleArn: ROLE, create: false } }, 'serviceAccount.roleArn is written on the ServiceAccount of this release'],
  [{ global: { imageRegistry: 7 } }, "at '/global/imageRegistry': got number, want string"],
];

describe.skipIf(helm === '')('values that are wrong are refused', () => {
  test.each(REFUSED)('%j', (values, says) => {
    const { code, stderr } = template(helm, values);
    expect(stderr).toContain(says);
    expect(code).not.toBe(0);
  });
});

describe.skipIf(helm === '')('deploy/', () => {
  test('is the chart with its default values: run node scripts/generate-deploy.ts', () => {
    const file = join(import.meta.dirname, '../../deploy/operator.yaml');
    expect(readFileSync(file, 'utf8')).toBe(deployYaml(helm));
  });
});
