import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { findControlPlane } from '../cluster/find-programs.ts';
import { findTool, howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { Site } from '../operator/operator-process.ts';
import { ProcessKubelet } from '../operator/process-kubelet.ts';
import { until } from '../support/until.ts';
import { makeTables } from './kcl-table.ts';
import { BLOCKS, COMMAND_BLOCKS, scriptOf } from './pages.ts';
import { DocsShell } from './shell.ts';

/*
 * The commands of the docs, page after page, where a group `orders` runs in the namespace `shop` of a real API server: with an operator
 * and workers that are processes, and local servers in place of AWS, whose addresses come from the environment as they would for any
 * AWS SDK. There is no kubelet.
 */

const helm = requireToolInCi('helm');
if (helm === undefined) process.stderr.write(`skipped: commands with helm: ${howToGet('helm')}\n`);

const GROUP = `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop, labels: {team: checkout}}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  scaling: {mode: Fixed, replicas: 2}
`;

let site: Site;
let kubelet: ProcessKubelet;
let shell: DocsShell;
let producing: NodeJS.Timeout;
/** The other container of each pod with `handler.http`. */
const app = createServer((request, response) => request.resume().once('end', () => response.end()));

beforeAll(async () => {
  await new Promise<void>((done) => app.listen(0, '127.0.0.1', done));
  shell = new DocsShell({ ...LOCAL_CREDENTIALS, AWS_REGION: 'eu-west-1' });
  site = await Site.open();
  shell.set({
    KUBECONFIG: site.plane.kubeconfig,
    AWS_ENDPOINT_URL_KINESIS: site.kinesis.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: site.dynamodb.endpoint,
  });
  // As many as the docs' highest number of a shard wants.
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 16 });
  await site.startOperator().works();
  await site.kubectl('create namespace shop');
  kubelet = new ProcessKubelet(site.plane.kubeconfig, 'shop');
  const found = findControlPlane()!;
  const kubectl = found.from === 'programs' ? found.programs.kubectl : [findTool('helm')!];
  if (found.from === 'programs') shell.program('kubectl', `#!/bin/sh\nexec ${kubectl.join(' ')} "$@"\n`);
  if (helm !== undefined) shell.program('helm', `#!/bin/sh\nexec ${helm} "$@"\n`);
  shell.file('group.yaml', GROUP);
  shell.file('lines.txt', '{"type":"order"}\n{"type":"refund"}\n');
  shell.file('record.bin', 'a record');
  await site.apply(GROUP);
  await ready();
  let count = 0;
  const produce = () =>
    site.kinesis.kinesis.putRecord('orders', {
      partitionKey: `k${count++}`,
      data: Buffer.from('{"type":"order"}'),
    });
  producing = setInterval(produce, 500);
});

afterAll(async () => {
  clearInterval(producing);
  app.close();
  await kubelet?.close();
  await site?.close();
  await shell?.close();
  vi.unstubAllEnvs();
});

const conditions = () => site.conditions('orders', 'shop');
const ready = () =>
  until(
    'the group is ready',
    async () => (await conditions())['Ready'] === 'True Available',
    300,
    conditions,
  );

/** The complete objects that a page shows, as it shows them. */
function shownOn(page: string, kind: string): string {
  const shown = BLOCKS.filter(
    ({ language, text }) => language === 'yaml' && text.includes(`\nkind: ${kind}\n`),
  );
  return shown
    .filter((block) => block.page === page)
    .map(({ text }) => text)
    .join('---\n');
}

const CHART = ['serviceMonitor', 'podMonitor', 'prometheusRule'];
/** What the Prometheus Operator brings, as far as the API server has to know it. */
const MONITORING = CHART.map((singular) => {
  const kind = singular.replace(/^./, (first) => first.toUpperCase());
  const names = { kind, singular: singular.toLowerCase(), plural: `${singular.toLowerCase()}s` };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${names.plural}.monitoring.coreos.com`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved' },
    },
    spec: { group: 'monitoring.coreos.com', scope: 'Namespaced', names, versions },
  });
}).join('\n---\n');

/** What a page takes for given. */
const GIVEN: Record<string, () => Promise<unknown>> = {
  'docs/gitops.md': async () => {
    await shell.run('kubectl create namespace argocd; kubectl create configmap argocd-cm -n argocd');
    await shell.run('mkdir -p orders/templates');
    shell.file('orders/Chart.yaml', 'apiVersion: v2\nname: orders\nversion: 0.1.0\n');
    shell.file('orders/templates/group.yaml', GROUP.replace('name: orders,', 'name: from-a-chart,'));
  },
  'docs/hot-group.md': async () =>
    shell.file('moved.yaml', shownOn('docs/hot-group.md', 'KinesisConsumerGroup')),
  'docs/move-in.md': async () => {
    await makeTables({ kinesis: site.kinesis.endpoint, dynamodb: site.dynamodb.endpoint });
    const importFrom = { type: 'KCL', table: 'orders-app' };
    const patch = JSON.stringify({ spec: { checkpoints: { importFrom } } });
    await site.kubectl(`patch kcg orders -n shop --type=merge -p ${patch}`);
  },
  'docs/operating.md': () => site.kubectl('apply -f -', MONITORING),
  'docs/region-failover.md': async () =>
    shell.file('standby.yaml', shownOn('docs/region-failover.md', 'KinesisConsumerGroup')),
  // One worker is enough of it, and all post to this machine.
  'docs/replay.md': () =>
    site.apply(
      shownOn('docs/replay.md', 'KinesisConsumerGroup')
        .replace('port: 8080', `port: ${(app.address() as AddressInfo).port}`)
        .replace('  handler:', '  scaling: {mode: Fixed, replicas: 1}\n  handler:'),
    ),
  'docs/reset.md': () => site.apply(shownOn('docs/reset.md', 'KinesisOffsetReset')),
};
/** What somebody does behind a block whose first line is this. */
const BEHIND: Record<string, string> = {
  'helm upgrade --install orders ./orders -n shop --wait --timeout 10m': 'helm uninstall orders -n shop',
  // The group of the other pages is another.
  'kcg stop orders -n shop --wait': 'kubectl delete kcg orders -n shop',
  'kcg status orders-standby -n shop                  # its lag, and now is the time':
    'kubectl delete kcg orders-standby -n shop',
  // What comes next is of who installs with Helm.
  'kubectl apply -k deploy':
    'kubectl delete -f deploy/operator.yaml; helm install kcg charts/kcg -n kcg-system --set crds.install=false --set image.repository=registry.example/kcg',
};

const pages = Map.groupBy(
  COMMAND_BLOCKS.filter(({ runs }) => runs === 'cluster'),
  ({ page }) => page,
);

test('there are such pages, and all that is done for one is of one that is there', () => {
  expect(pages.size).toBeGreaterThan(5);
  const firsts = [...pages.values()].flat().map((block) => scriptOf(block).split('\n')[0]!);
  expect(Object.keys(BEHIND).filter((line) => !firsts.includes(line))).toEqual([]);
  expect(Object.keys(GIVEN).filter((page) => !pages.has(page))).toEqual([]);
});

describe.each([...pages])('%s', (page, blocks) => {
  beforeAll(async () => {
    await GIVEN[page]?.();
    // What the last page has left.
    const group = await site.group('orders', 'shop');
    if (!group) await site.apply(GROUP);
    else if (group.spec.desiredState !== 'Running') {
      const patch = JSON.stringify({ spec: { desiredState: 'Running' } });
      await site.kubectl(`patch kcg orders -n shop --type=merge -p ${patch}`);
    }
    await ready();
  });

  for (const block of blocks) {
    const script = scriptOf(block);
    const skipped = /\bhelm /.test(script) && helm === undefined;
    test.skipIf(skipped)(`line ${block.line}: ${script.split('\n')[0]}`, async () => {
      await shell.run(`${script}${BEHIND[script.split('\n')[0]!] ?? ''}`);
    });
  }
});
