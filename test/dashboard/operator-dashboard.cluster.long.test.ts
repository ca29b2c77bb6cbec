import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { GroupPage } from '../../src/dashboard/page-data.ts';
import { template } from '../chart/render-chart.ts';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { OperatorProcess, Site } from '../operator/operator-process.ts';
import { ProcessKubelet } from '../operator/process-kubelet.ts';
import { chromiumProblem, openChromium } from '../support/chromium.ts';
import { until } from '../support/until.ts';

/*
 * The dashboard of a real operator: a process with the rights that the chart gives it, on a real API server, with workers that are
 * processes, in a real browser.
 */

const helm = requireToolInCi('helm') ?? '';
const problem = helm === '' ? howToGet('helm') : chromiumProblem();
if (problem !== undefined) process.stderr.write(`skipped: the dashboard of an operator: ${problem}\n`);

const GROUP = `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: dashed}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  scaling: {mode: Fixed, replicas: 2}
`;

let site: Site;
let kubelet: ProcessKubelet;
const operators: OperatorProcess[] = [];

beforeAll(async () => {
  if (problem !== undefined) return;
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 4 });
  for (const namespace of ['kcg-system', 'dashed']) await site.kubectl(`create namespace ${namespace}`);
  kubelet = new ProcessKubelet(site.plane.kubeconfig, 'dashed');
});
afterAll(async () => {
  await kubelet?.close();
  await Promise.all(operators.map((operator) => operator.end('SIGKILL')));
  await site?.close();
});

/** Rights and ServiceAccount as of the chart; no pods. */
async function install(dashboard: object): Promise<void> {
  const { stdout, stderr, code } = template(helm, { dashboard, crds: { install: false }, replicas: 0 });
  if (code !== 0) throw new Error(stderr);
  await site.kubectl('apply --server-side --force-conflicts -n kcg-system -f -', stdout);
}

/** A kubeconfig of the operator's ServiceAccount. */
async function kubeconfig(): Promise<string> {
  const token = await site.kubectl('create token kcg -n kcg-system');
  const admin = parse(readFileSync(site.plane.kubeconfig, 'utf8')) as {
    contexts: { context: { cluster: string } }[];
  };
  const { cluster } = admin.contexts[0]!.context;
  const file = join(mkdtempSync(join(tmpdir(), 'kcg-dashboard-')), 'kubeconfig');
  const users = [{ name: 'kcg', user: { token: token.trim() } }];
  const contexts = [{ name: 'kcg', context: { cluster, user: 'kcg', namespace: 'kcg-system' } }];
  writeFileSync(file, JSON.stringify({ ...admin, users, contexts, 'current-context': 'kcg' }));
  return file;
}

/** As its pod would: with the rights of its ServiceAccount. */
async function startOperator(pod = 'kcg-a'): Promise<{ operator: OperatorProcess; url: string }> {
  const { endpoint: kinesis } = site.kinesis;
  const { endpoint: dynamodb } = site.dynamodb;
  const aws = `--kinesis-endpoint ${kinesis} --dynamodb-endpoint ${dynamodb}`;
  const flags = `--worker-image kcg:test --leader-elect --pod-name ${pod} --dashboard --dashboard-port 0 ${aws}`;
  const operator = new OperatorProcess(['--kubeconfig', await kubeconfig(), ...flags.split(' ')]);
  operators.push(operator);
  const { url } = await operator.says('dashboard');
  return { operator, url: String(url) };
}

/** As soon as it knows of the group. */
function pageOf(url: string): Promise<GroupPage> {
  return until('the page of the group', async () => {
    const response = await fetch(`${url}api/groups/dashed/orders`);
    const page = (await response.json()) as GroupPage;
    return response.ok && page;
  });
}

describe.skipIf(problem !== undefined)('the dashboard of an operator', () => {
  test('shows what it looks after, with the rights that the chart gives for it', async () => {
    await install({ enabled: true });
    const { operator, url } = await startOperator();
    await site.apply(GROUP);
    const page = await until('the group is read', async () => {
      const found = await pageOf(url);
      const owners = new Set(found.shards.map(({ owner }) => owner));
      const isShared = owners.size === 2 && found.shards.every(({ state }) => state === 'consuming');
      const isTold = found.events.some(({ reason }) => reason === 'Available');
      return found.verdict.word === 'Ready' && isShared && isTold && found;
    });
    expect(page.shards.map(({ state }) => state)).toEqual(Array(4).fill('consuming'));
    expect(new Set(page.shards.map(({ owner }) => owner)).size).toBe(2);
    expect(page.moves.map(({ why }) => why)).toContain('FirstOwner');
    expect(page.unknown).toEqual([]);
    const browser = await openChromium();
    onTestFinished(() => browser.close());
    const tab = await browser.newPage();
    tab.setDefaultTimeout(300_000);
    await tab.goto(url);
    await tab.getByRole('link', { name: 'dashed/orders' }).click();
    await tab.getByText('4 of 4 owned').waitFor();
    await tab.getByRole('rowheader', { name: 'Available' }).first().waitFor();
    await site.kubectl('patch kcg orders -n dashed --type merge -p {"spec":{"desiredState":"Paused"}}');
    await tab.getByText('Paused', { exact: true }).first().waitFor();
    await operator.end('SIGTERM');
  });

  test('says that it may not list Events, where nobody gave the right', async () => {
    await install({ enabled: false });
    const { operator, url } = await startOperator();
    await operator.works();
    const why = await until('what it does not know', async () => {
      const { unknown } = await pageOf(url);
      return unknown.find(({ what }) => what === 'Events')?.why;
    });
    expect(why).toMatch(/not allowed|forbidden/i);
    await operator.end('SIGTERM');
  });

  test('says of one that stands by that it does, and who leads', async () => {
    const first = await startOperator();
    await first.operator.works();
    const second = await startOperator('kcg-b');
    const role = await until('who leads', async () => {
      const { role } = await pageOf(second.url);
      return role.leader !== undefined && role;
    });
    expect(role).toEqual({ leads: false, leader: 'kcg-a' });
    expect((await pageOf(second.url)).unknown.map(({ what }) => what)).toContain('rows');
  });
});
