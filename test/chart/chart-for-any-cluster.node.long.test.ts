import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { requireToolInCi } from '../cluster/find-tool.ts';
import { CHART, find, idsOf, rendered, template, type Manifest, type Values } from './render-chart.ts';

/* What other people's clusters ask of a chart: their names, registries, labels, volumes, neighbours. */

const helm = requireToolInCi('helm') ?? '';
const render = (values: Values, where?: { release?: string; namespace?: string }) =>
  rendered(helm, values, where);

interface Container {
  name: string;
  image: string;
  [field: string]: unknown;
}
interface Deployment extends Manifest {
  spec: {
    template: {
      metadata: Record<string, unknown>;
      spec: { containers: Container[]; [field: string]: unknown };
    };
  };
  [field: string]: unknown;
}
const deploymentOf = (values: Values) => find(render(values), 'Deployment') as Deployment;
const podOf = (values: Values) => deploymentOf(values).spec.template.spec;
const imageOf = (values: Values) => podOf(values).containers[0]!.image;
const testPodOf = (values: Values) =>
  find(render(values), 'Pod')!['spec'] as Deployment['spec']['template']['spec'];
/** All there can be at once. */
const EVERYTHING = {
  admissionPolicy: { create: true },
  dashboard: { enabled: true },
  networkPolicy: { enabled: true },
  metrics: {
    serviceMonitor: { enabled: true },
    podMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboards: { enabled: true },
  },
};

describe.skipIf(helm === '')('names', () => {
  test.each([
    [{ nameOverride: 'streams' }, 'kcg-streams'],
    [{ nameOverride: 'kc' }, 'kcg'],
    [{ fullnameOverride: 'streams' }, 'streams'],
    [{ fullnameOverride: 'streams', nameOverride: 'x' }, 'streams'],
  ])('%j makes it %s, and leaves the selectors as they are', (values, name) => {
    const manifests = render(values);
    expect(find(manifests, 'Deployment')).toMatchObject({
      metadata: { name },
      spec: {
        selector: { matchLabels: { 'app.kubernetes.io/name': 'kcg', 'app.kubernetes.io/instance': 'kcg' } },
      },
    });
    const others = manifests.filter(({ kind }) => kind !== 'CustomResourceDefinition');
    expect(others.filter(({ metadata }) => !metadata.name.startsWith(name))).toEqual([]);
  });

  test.each(['123', '1e3', 'true', 'null'])('may be %s, which is a text in each place', (name) => {
    const called = (each: string) => {
      const names = { fullnameOverride: each, priorityClassName: each, watchNamespaces: [each] };
      const metrics = { ...EVERYTHING.metrics, dashboards: { enabled: true, namespace: each } };
      const values = { ...EVERYTHING, ...names, metrics, imagePullSecrets: [{ name: each }] };
      return JSON.stringify(render(values, { release: each, namespace: each }));
    };
    expect(called(name)).toBe(called('a-name-of-letters').replaceAll('a-name-of-letters', name));
  });

  test("a release's may have dots, where those of Services may not", () => {
    const manifests = render({}, { release: 'kcg.eu' });
    expect(find(manifests, 'Service')).toMatchObject({
      metadata: { name: 'kcg-eu-metrics', labels: { 'app.kubernetes.io/instance': 'kcg.eu' } },
    });
  });

  test('everything of a release goes into another namespace', () => {
    const here = idsOf(render(EVERYTHING));
    const there = idsOf(render({ ...EVERYTHING, namespaceOverride: 'streams' }));
    expect(there).toEqual(here.map((id) => id.replace(' kcg-system/', ' streams/')).sort());
    const text = JSON.stringify(render({ ...EVERYTHING, namespaceOverride: 'streams' }));
    expect(text).not.toContain('kcg-system');
  });
});

describe.skipIf(helm === '')('labels and annotations', () => {
  const common = {
    commonLabels: { team: 'data', 'app.kubernetes.io/name': 'ours' },
    commonAnnotations: {
      owner: 'data@example.com',
      'helm.sh/resource-policy': 'ours',
    },
  };

  test('in common are on every object and on the pods, and change none of the chart', () => {
    const manifests = render({ ...EVERYTHING, ...common });
    expect(manifests.length).toBeGreaterThan(20);
    const { template } = (find(manifests, 'Deployment') as Deployment).spec;
    for (const { metadata } of [...manifests, template as unknown as Manifest]) {
      expect(metadata.labels).toMatchObject({ team: 'data', 'app.kubernetes.io/name': 'kcg' });
      expect(metadata).toMatchObject({ annotations: { owner: 'data@example.com' } });
    }
    expect(find(manifests, 'CustomResourceDefinition')).toMatchObject({
      metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } },
    });
    expect(find(manifests, 'Pod')).toMatchObject({ metadata: { annotations: { 'helm.sh/hook': 'test' } } });
  });

  test("of one object go before those in common, and the chart's before both", () => {
    const manifests = render({
      ...common,
      deploymentAnnotations: { 'reloader/auto': 'true', owner: 'me' },
      podAnnotations: { owner: 'pod' },
      podLabels: { team: 'pod', 'app.kubernetes.io/name': 'mine' },
      serviceAccount: { labels: { team: 'account' }, roleArn: 'arn:aws:iam::123456789012:role/kcg' },
    });
    expect(find(manifests, 'Deployment')).toMatchObject({
      metadata: { annotations: { 'reloader/auto': 'true', owner: 'me' } },
      spec: {
        template: {
          metadata: {
            annotations: { owner: 'pod' },
            labels: { team: 'pod', 'app.kubernetes.io/name': 'kcg' },
          },
        },
      },
    });
    expect(find(manifests, 'ServiceAccount')).toMatchObject({
      metadata: {
        labels: { team: 'account' },
        annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/kcg' },
      },
      automountServiceAccountToken: false,
    });
  });

  test('there are none that nobody asked for', () => {
    for (const { kind, metadata } of render({}))
      if (!/CustomResource|^Pod$/.test(kind)) expect(metadata).not.toHaveProperty('annotations');
  });
});

describe.skipIf(helm === '')('values that are left empty', () => {
  const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values;
  const isMap = (value: unknown): value is Values =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  /** Those of the lists and maps that hold nothing, as null. */
  const emptied = (values: Values): Values =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]): [string, unknown][] => {
        if (isMap(value) && Object.keys(value).length > 0) return [[name, emptied(value)]];
        return isMap(value) || (Array.isArray(value) && value.length === 0) ? [[name, null]] : [];
      }),
    );

  test('are none where they are lists or maps', () => {
    const flags = Object.entries(EVERYTHING.metrics);
    const metrics = emptied(defaults['metrics'] as Values);
    for (const [name, each] of flags) metrics[name] = { ...(metrics[name] as Values), ...each };
    const sections = { admissionPolicy: { create: true, endpoints: null }, metrics };
    const values: Values = { ...emptied(defaults), ...sections };
    for (const name of ['dashboard', 'networkPolicy'])
      values[name] = { ...(values[name] as Values), enabled: true };
    expect(render(values)).toEqual(render(EVERYTHING));
    const probes = { livenessProbe: null, readinessProbe: null, global: null };
    expect(podOf(probes).containers[0]).toMatchObject({
      livenessProbe: { httpGet: { path: '/healthz' } },
      readinessProbe: { httpGet: { path: '/readyz' } },
    });
  });

  test('are refused by name where they are sections', () => {
    // What Kubernetes defines may be left out, and what is off by itself.
    const open = [
      'global',
      'resources',
      'podSecurityContext',
      'securityContext',
      'livenessProbe',
      'readinessProbe',
      'networkPolicy',
    ];
    const sections = Object.entries(defaults).flatMap(([name, value]) =>
      isMap(value) && Object.keys(value).length > 0 && !open.includes(name) ? [name] : [],
    );
    expect(sections).toContain('metrics');
    const { code, stderr } = template(helm, Object.fromEntries(sections.map((name) => [name, null])));
    expect(code).not.toBe(0);
    for (const name of sections) expect(stderr).toContain(`'${name}'`);
  });
});

describe.skipIf(helm === '')('images', () => {
  test('come from the registry that is named, and from the one of a parent chart before it', () => {
    const image = { repository: 'team/kcg', tag: '9' };
    expect(imageOf({ image })).toBe('team/kcg:9');
    expect(imageOf({ image: { ...image, registry: 'r.example' } })).toBe('r.example/team/kcg:9');
    const global = { imageRegistry: 'mirror.example/' };
    expect(imageOf({ image: { ...image, registry: 'r.example' }, global })).toBe('mirror.example/team/kcg:9');
    const { containers } = podOf({ image, global });
    expect(JSON.stringify(containers[0]!['env'])).toContain(
      '"KCG_WORKER_IMAGE","value":"mirror.example/team/kcg:9"',
    );
    expect(testPodOf({ image, global }).containers[0]!.image).toBe('mirror.example/team/kcg:9');
  });

  test('are pulled with the secrets of both, named either way', () => {
    const values = {
      imagePullSecrets: [{ name: 'a' }],
      global: { imagePullSecrets: ['b', { name: 'c' }], other: true },
    };
    const imagePullSecrets = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    expect(podOf(values)).toMatchObject({ imagePullSecrets });
    expect(testPodOf(values)).toMatchObject({ imagePullSecrets });
  });
});

describe.skipIf(helm === '')('the pod', () => {
  test('takes volumes, neighbours and flags', () => {
    const extraVolumes = [{ name: 'ca', configMap: { name: 'proxy-ca' } }];
    const extraVolumeMounts = [{ name: 'ca', mountPath: '/ca' }];
    const extraContainers = [{ name: 'helper', image: 'helper:1' }];
    const initContainers = [{ name: 'first', image: 'first:1' }];
    const pod = podOf({
      extraVolumes,
      extraVolumeMounts,
      extraContainers,
      initContainers,
      extraArgs: ['--log-level=debug'],
    });
    expect(pod).toMatchObject({ volumes: extraVolumes, initContainers });
    expect(pod.containers).toMatchObject([
      { name: 'operator', volumeMounts: extraVolumeMounts, args: ['operator', '--log-level=debug'] },
      { name: 'helper' },
    ]);
  });

  test('takes what a cluster says of names, tokens, ends and security', () => {
    const asked = {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.0.0.2'], options: [{ name: 'ndots', value: '1' }] },
      hostAliases: [{ ip: '10.0.0.3', hostnames: ['kinesis.internal'] }],
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 60,
    };
    expect(podOf(asked)).toMatchObject(asked);
    const pod = podOf({
      podSecurityContext: { fsGroup: 65532, runAsNonRoot: null },
      securityContext: { appArmorProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod['securityContext']).toEqual({ fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers[0]!['securityContext']).toMatchObject({
      appArmorProfile: { type: 'RuntimeDefault' },
      readOnlyRootFilesystem: true,
    });
  });

  test('of helm test asks for what the operator does, as a quota wants it of each pod', () => {
    const resources = { limits: { cpu: '1' } };
    expect(testPodOf({ resources }).containers[0]).toHaveProperty(
      'resources',
      podOf({ resources }).containers[0]!['resources'],
    );
  });

  test('is asked as often as is said', () => {
    const [operator] = podOf({ livenessProbe: { initialDelaySeconds: 30, periodSeconds: 20 } }).containers;
    const httpGet = { path: '/healthz', port: 'http' };
    expect(operator!['livenessProbe']).toEqual({
      httpGet,
      initialDelaySeconds: 30,
      periodSeconds: 20,
      timeoutSeconds: 5,
      failureThreshold: 3,
    });
  });

  test('has the budget and the history that are asked for', () => {
    const manifests = render({ revisionHistoryLimit: 0, podDisruptionBudget: { maxUnavailable: '50%' } });
    expect(find(manifests, 'Deployment')).toMatchObject({ spec: { revisionHistoryLimit: 0 } });
    expect(find(manifests, 'PodDisruptionBudget')).toMatchObject({ spec: { maxUnavailable: '50%' } });
    expect(find(render({ podDisruptionBudget: { create: false } }), 'PodDisruptionBudget')).toBeUndefined();
  });
});

describe.skipIf(helm === '')('beside the operator', () => {
  test('whole objects come with the release, as objects or as texts, with its values filled in', () => {
    const extraObjects = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-ca' }, data: { a: 'b' } },
      'apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include "kcg.fullname" . }}-x\n',
    ];
    const manifests = render({ extraObjects });
    expect(find(manifests, 'ConfigMap')).toMatchObject({ metadata: { name: 'kcg-ca' }, data: { a: 'b' } });
    expect(find(manifests, 'Secret')).toMatchObject({ metadata: { name: 'kcg-x' } });
  });

  test('monitors take more of their endpoints', () => {
    const endpoint = { scrapeTimeout: '5s', relabelings: [{ action: 'labeldrop', regex: 'pod' }] };
    const metrics = { serviceMonitor: { enabled: true, endpoint }, podMonitor: { enabled: true, endpoint } };
    const manifests = render({ metrics });
    expect(find(manifests, 'ServiceMonitor')).toMatchObject({
      spec: { endpoints: [{ port: 'http', ...endpoint }] },
    });
    expect(find(manifests, 'PodMonitor')).toMatchObject({
      spec: { podMetricsEndpoints: [{ port: 'kcg', ...endpoint }] },
    });
  });
});
