import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GROUP_LABEL } from '../../src/api/labels.ts';
import { kcgHere } from '../support/kcg-here.ts';

/* Commands as their user meets them: an API server has two groups and one pod, gives no logs, and does not answer for `slow`. */

const metadata = (name: string) => ({ name, namespace: 'shop', uid: name, resourceVersion: '1' });
const group = (name: string, desiredState: string) => ({
  metadata: metadata(name),
  spec: { stream: { name: 'orders' }, handler: { log: {} }, desiredState },
});
const pod = { metadata: { ...metadata('worker-1'), labels: { [GROUP_LABEL]: 'gone' } } };
const ANSWERS: Record<string, object> = {
  pods: { metadata: { resourceVersion: '1' }, items: [pod] },
  'worker-1': pod,
  eviction: { kind: 'Status', status: 'Success' },
  orders: group('orders', 'Running'),
  kinesisconsumergroups: { metadata: { resourceVersion: '1' }, items: [group('orders', 'Running')] },
  stopped: group('stopped', 'Stopped'),
};

let api: Server;
const asked: string[] = [];
let onSlow = () => {};

beforeAll(async () => {
  api = createServer(({ method, url = '' }, response) => {
    const name = url.split('?')[0]!.split('/').at(-1) ?? '';
    asked.push(`${method} ${name}`);
    if (name === 'slow') return onSlow();
    if (url.includes('container=unscheduled')) return void response.end();
    const code = name === 'log' ? 403 : ANSWERS[name] ? 200 : 404;
    const message = 'pods "worker-1" is forbidden: User "me" cannot get resource "pods/log"';
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(ANSWERS[name] ?? { kind: 'Status', code, message }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
});

const kcg = (line: string, stop?: AbortSignal) => {
  const server = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  return kcgHere([...line.split(' '), '-n', 'shop', '--server', server], {}, stop);
};

test.each(['', ' -f'])('who may not read logs is told so by kcg logs%s', async (flag) => {
  const { code, stdout, stderr } = await kcg(`logs orders${flag}`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: .* cannot get resource "pods\/log".* Ask for a role that allows it/);
});

test('a pod without a node has no logs, and kcg logs says so', async () => {
  const { code, stdout, stderr } = await kcg('logs orders -c unscheduled');
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toBe('warning: worker-1: no node has taken the pod yet. kcg status says why.\n');
});

test('kcg drain that runs out of time says what holds the pod up', async () => {
  const { code, stderr } = await kcg('drain worker-1 --timeout 1');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: pod worker-1 still drains after 1 s\. Its handler works on a batch/);
});

test('kcg restart touches none of its groups when one is stopped', async () => {
  const { code, stdout, stderr } = await kcg('restart orders stopped');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: shop\/stopped has no pods to restart/);
  expect(asked.filter((each) => each.startsWith('PATCH'))).toEqual([]);
});

test.each(['get', 'status', 'stop'])('an empty name is none for kcg %s', async (verb) => {
  const { code, stderr } = await kcg(`${verb} `);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: an argument is empty/);
});

test.each([
  ['status', [{ name: 'orders' }]],
  ['get', { kind: 'List', items: [{ metadata: { name: 'orders' } }] }],
  ['get orders', { metadata: { name: 'orders' } }],
])('kcg %s -o json of the only group is a list unless it was named', async (verb, expected) => {
  const { stdout } = await kcg(`${verb} -o json`);
  expect(JSON.parse(stdout)).toMatchObject(expected);
});

test.each(['status', 'describe', 'shards', 'cost'])(
  'kcg %s that is stopped before it has an answer says nothing, and not that all is well',
  async (verb) => {
    const stop = new AbortController();
    onSlow = () => stop.abort();
    expect(await kcg(`${verb} slow`, stop.signal)).toEqual({ code: 130, stdout: '', stderr: '' });
  },
);
