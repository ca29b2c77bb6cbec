import { describe, expect, test } from 'vitest';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { DASHBOARD_CALLS } from './operator-calls.ts';
import { find, idsOf, rendered, type Manifest, type Values } from './render-chart.ts';

const helm = requireToolInCi('helm') ?? '';
if (helm === '')
  process.stderr.write(`skipped: the dashboard by the chart: Helm is missing: ${howToGet('helm')}\n`);
const render = (values: Values) => rendered(helm, values);
const enabled = (more: object = {}) => ({ dashboard: { enabled: true, ...more } });

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** `group/resource verb` of all that the operator may do in the namespaces of groups. */
const rightsOf = (manifests: readonly Manifest[], kind: string, name: string) =>
  new Set(
    manifests
      .filter((each) => each.kind === kind && each.metadata.name === name)
      .flatMap((role) => role['rules'] as Rule[])
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
        ),
      ),
  );
const containerOf = (values: Values) =>
  (
    find(render(values), 'Deployment')!['spec'] as {
      template: { spec: { containers: { env: { name: string; value?: string }[]; ports: object[] }[] } };
    }
  ).template.spec.containers[0]!;
const envOf = (values: Values) =>
  Object.fromEntries(containerOf(values).env.map(({ name, value }) => [name, value]));

describe.skipIf(helm === '')('the dashboard by the chart', () => {
  test('is off: no variable, no port, no Service, no right', () => {
    expect(Object.keys(envOf({})).filter((name) => name.includes('DASHBOARD'))).toEqual([]);
    expect(containerOf({}).ports).toHaveLength(1);
    expect(idsOf(render({})).filter((id) => id.includes('dashboard'))).toEqual([]);
  });

  test('is on loopback, with a Service that leads kubectl port-forward to the operator that leads', () => {
    expect(envOf(enabled())).toMatchObject({
      KCG_DASHBOARD: 'true',
      KCG_DASHBOARD_PORT: '8082',
      KCG_DASHBOARD_REACH: 'loopback',
    });
    const service = render(enabled()).find(({ metadata }) => metadata.name === 'kcg-dashboard');
    expect(service).toMatchObject({
      kind: 'Service',
      spec: {
        selector: { 'app.kubernetes.io/component': 'operator', 'kcg.dev/leader': 'true' },
        ports: [{ port: 8082, targetPort: 'dashboard' }],
      },
    });
    expect(containerOf(enabled()).ports).toContainEqual({
      name: 'dashboard',
      containerPort: 8082,
      protocol: 'TCP',
    });
  });

  test.each([
    ['ClusterRole', {}],
    ['Role', { watchNamespaces: ['shop'] }],
  ])('adds the right to list Events to the %s, and no other', (kind, values) => {
    const plain = rightsOf(render(values), kind, 'kcg');
    const more = [...rightsOf(render({ ...values, ...enabled() }), kind, 'kcg')].filter(
      (each) => !plain.has(each),
    );
    expect(more).toEqual(DASHBOARD_CALLS.map(({ group, resource, verb }) => `${group}/${resource} ${verb}`));
  });

  test('is reached in the cluster only when it is asked for, under the names that it is told', () => {
    const env = envOf(enabled({ reach: 'Cluster', hosts: ['kcg.example.com'] }));
    expect(env['KCG_DASHBOARD_REACH']).toBe('all');
    expect(env['KCG_DASHBOARD_HOSTS']).toBe(
      'kcg-dashboard,kcg-dashboard.kcg-system,kcg-dashboard.kcg-system.svc,kcg.example.com',
    );
  });

  test.each([
    ['nobody, unless they are named', { reach: 'Cluster' }, 1],
    ['those that are named', { reach: 'Cluster', from: [{ podSelector: {} }] }, 2],
    ['nobody on loopback, which port-forward reaches all the same', { from: [{ podSelector: {} }] }, 1],
  ])('lets a NetworkPolicy admit %s', (_, dashboard, rules) => {
    const policy = find(
      render({ networkPolicy: { enabled: true }, ...enabled(dashboard) }),
      'NetworkPolicy',
    )!;
    const { ingress } = policy['spec'] as { ingress: { ports: object[]; from?: object[] }[] };
    expect(ingress).toHaveLength(rules);
    expect(ingress[0]!.ports).toEqual([{ port: 'http', protocol: 'TCP' }]);
    if (rules === 2)
      expect(ingress[1]).toEqual({
        ports: [{ port: 'dashboard', protocol: 'TCP' }],
        from: [{ podSelector: {} }],
      });
  });
});
