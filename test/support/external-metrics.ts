import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '../../src/dev/tls/certificate.ts';
import { systemClock } from '../../src/lib/clock.ts';

const GROUP_VERSION = 'external.metrics.k8s.io/v1beta1';
const PATH = `/apis/${GROUP_VERSION}`;

export interface ExternalMetrics {
  /** By name of the metric; one that is not here is not found. */
  readonly values: Map<string, number>;
  /** Namespace, name and selector of each metric that was asked for. */
  readonly asked: string[];
  /** The objects that have an API server ask this one: YAML for kubectl apply. */
  readonly manifest: string;
  close(): Promise<void>;
}

/** What KEDA's metrics server, or an adapter, is to an API server: an API of external metrics, behind an APIService. */
export async function startExternalMetrics(): Promise<ExternalMetrics> {
  const values = new Map<string, number>();
  const asked: string[] = [];
  const server = createServer(makeCertificate(systemClock.now()), (request, response) => {
    const url = new URL(request.url ?? '/', 'https://localhost');
    const [, namespace, metric] = /\/namespaces\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === PATH)
      return answer(200, {
        kind: 'APIResourceList',
        apiVersion: 'v1',
        groupVersion: GROUP_VERSION,
        resources: [],
      });
    const value = metric === undefined ? undefined : values.get(metric);
    if (namespace === undefined || metric === undefined || value === undefined)
      return answer(404, {
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        reason: 'NotFound',
        code: 404,
      });
    asked.push(`${namespace} ${metric} ${url.searchParams.get('labelSelector') ?? ''}`);
    const item = {
      metricName: metric,
      metricLabels: {},
      timestamp: new Date(systemClock.now()).toISOString(),
      value: String(value),
    };
    return answer(200, {
      kind: 'ExternalMetricValueList',
      apiVersion: GROUP_VERSION,
      metadata: {},
      items: [item],
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    values,
    asked,
    manifest: manifestOf(port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The API server follows a Service of type ExternalName without any proxy for cluster addresses. */
const manifestOf = (port: number) => `apiVersion: v1
kind: Service
metadata: {name: external-metrics, namespace: default}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: external-metrics, namespace: default, port: ${port}}
`;
