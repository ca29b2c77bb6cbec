import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { alertRules } from '../support/alerts.ts';
import { CHART, find, idsOf, rendered, type Values } from './render-chart.ts';

const helm = requireToolInCi('helm') ?? '';
if (helm === '')
  process.stderr.write(`skipped: monitoring by the chart: Helm is missing: ${howToGet('helm')}\n`);
const render = (values: Values) => rendered(helm, values);

describe.skipIf(helm === '')('what is asked for beside the operator', () => {
  const everything = {
    metrics: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '30s' },
      podMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: {
        enabled: true,
        labels: { release: 'prometheus' },
        alertLabels: { severity: 'page', team: 'data' },
        runbookUrl: 'https://wiki.example/kcg',
      },
      dashboards: { enabled: true, namespace: 'grafana', annotations: { grafana_folder: 'Streams' } },
    },
    networkPolicy: { enabled: true },
  };
  const more = () => {
    const plain = new Set(idsOf(render({})));
    return render(everything).filter((each) => !plain.has(idsOf([each])[0]!));
  };

  test('is there once it is enabled, and only then', () => {
    expect(idsOf(more())).toEqual([
      'ConfigMap grafana/kcg-dashboard-group',
      'ConfigMap grafana/kcg-dashboard-operator',
      'NetworkPolicy kcg-system/kcg',
      'PodMonitor kcg-system/kcg-workers',
      'PrometheusRule kcg-system/kcg',
      'ServiceMonitor kcg-system/kcg',
    ]);
  });

  test('scrapes the operator by the port and the labels of its Service, and workers of watched namespaces', () => {
    const manifests = render({ ...everything, watchNamespaces: ['shop'] });
    const service = find(manifests, 'Service')!;
    const { selector, endpoints } = find(manifests, 'ServiceMonitor')!['spec'] as {
      selector: { matchLabels: object };
      endpoints: { port: string }[];
    };
    expect(service.metadata.labels).toMatchObject(selector.matchLabels);
    expect(service['spec']).toMatchObject({ ports: [{ name: endpoints[0]!.port }] });
    expect(find(manifests, 'PodMonitor')).toMatchObject({
      metadata: { labels: { release: 'prometheus' } },
      spec: { namespaceSelector: { matchNames: ['shop'] }, podTargetLabels: ['kcg.dev/group'] },
    });
  });

  test('goes where Prometheus looks, and gives each setting of an endpoint once', () => {
    const endpoint = { interval: '10s', scrapeTimeout: '5s', port: 'other' };
    const monitor = { enabled: true, namespace: 'monitoring', interval: '30s', endpoint };
    const prometheusRule = { enabled: true, namespace: 'monitoring' };
    const manifests = render({ metrics: { serviceMonitor: monitor, podMonitor: monitor, prometheusRule } });
    const once = { interval: '30s', scrapeTimeout: '5s' };
    const metadata = { namespace: 'monitoring' };
    expect(find(manifests, 'ServiceMonitor')).toMatchObject({
      metadata,
      spec: {
        namespaceSelector: { matchNames: ['kcg-system'] },
        endpoints: [{ port: 'http', ...once }],
      },
    });
    expect(find(manifests, 'PodMonitor')).toMatchObject({
      metadata,
      spec: { podMetricsEndpoints: [{ port: 'kcg', ...once }] },
    });
    expect(find(manifests, 'PrometheusRule')).toMatchObject({ metadata });
  });

  test('has the alerts with labels of the user and links to the runbook', () => {
    const { groups } = find(more(), 'PrometheusRule')!['spec'] as {
      groups: { rules: ReturnType<typeof alertRules> }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.map(({ alert, expr }) => ({ alert, expr }))).toEqual(
      alertRules().map(({ alert, expr }) => ({ alert, expr })),
    );
    for (const { alert, labels, annotations } of rules) {
      expect(labels).toEqual({ severity: 'page', team: 'data' });
      expect(annotations['runbook_url']).toBe(`https://wiki.example/kcg#${alert.toLowerCase()}`);
    }
  });

  test('has the dashboards as they are', () => {
    for (const name of ['group', 'operator']) {
      const map = more().find(({ metadata }) => metadata.name === `kcg-dashboard-${name}`)!;
      const file = readFileSync(join(CHART, `files/dashboards/${name}.json`), 'utf8');
      expect(JSON.parse((map['data'] as Record<string, string>)[`kcg-${name}.json`]!)).toEqual(
        JSON.parse(file),
      );
      expect(map.metadata.labels['grafana_dashboard']).toBe('1');
    }
  });

  test('keeps names resolved where a NetworkPolicy limits the way out', () => {
    const to = [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 443 }] }];
    const from = [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }];
    const policy = find(render({ networkPolicy: { enabled: true, from, to } }), 'NetworkPolicy')!;
    expect(policy['spec']).toMatchObject({
      ingress: [{ ports: [{ port: 'http' }], from }],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
        ...to,
      ],
    });
  });
});
