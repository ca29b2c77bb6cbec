import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithCluster } from '../support/control-plane.ts';
import { COMMAND_BLOCKS, scriptOf } from '../docs/pages.ts';
import { KCG } from '../support/kcg-program.ts';
import { NODE_UP_MS } from '../support/node-cluster.ts';
import { isReady, startNodeHarness, until, type NodeHarness } from './harness.ts';

/*
 * What a new user does first: the README's "Install", pasted, with its images, stream and keys there; then the other commands of the docs
 * that need a node, and at the end those of docs/install.md that take it away and install it anew.
 */
const [onReadme, ...others] = COMMAND_BLOCKS.filter(({ runs }) => runs === 'node');
const onDashboard = COMMAND_BLOCKS.find(({ page }) => page === 'docs/dashboard.md');
const [install, uninstall] = others.filter(({ page }) => page === 'docs/install.md');

describeWithCluster("the README's way to install", 'node', () => {
  let kcg: NodeHarness;

  beforeAll(async () => {
    kcg = await startNodeHarness();
    await kcg.tagImage('localhost/http-go:1', 'registry.example/orders:1');
    kcg.kinesis.createStream({ name: 'orders', shardCount: 2 });
  }, NODE_UP_MS);
  afterAll(() => kcg?.stop());

  const readyPods = async () => (await kcg.pods('orders')).filter(isReady);
  const logs = () => kcg.kubectl('logs', '-l', 'kcg.dev/group=orders', '-c', 'app', '--tail=-1');

  test('ends with a group that is ready and gets its records', async () => {
    expect(await kcg.paste(scriptOf(onReadme!))).toMatch(
      /kinesisconsumergroup.kcg.dev\/orders condition met\n$/,
    );
    for (const key of ['a', 'b', 'c', 'd']) {
      kcg.kinesis.putRecord('orders', { partitionKey: key, data: Buffer.from(key) });
    }
    await until('every record has arrived', async () => {
      const counts = [...(await logs()).matchAll(/: (\d+) records$/gm)].map(([, count]) => Number(count));
      return counts.reduce((sum, count) => sum + count, 0) === 4;
    });
  });

  test('has what all of its pods say in kcg logs, and what they say next', async () => {
    await until('there are two pods', async () => (await readyPods()).length === 2);
    const command = `'${process.execPath}' '${KCG}' logs orders -n shop`;
    const said = await kcg.paste(`${command} --tail -1`);
    for (const { metadata } of await readyPods()) expect(said).toContain(metadata.name);
    expect(said).toContain('ShardStarted');
    expect((await kcg.paste(`${command} -c app --tail -1`)).match(/: \d+ records$/gm)).not.toBeNull();
    const next = kcg.paste(`timeout 240 ${command} -c app --follow --tail 0 | grep -m 1 records`);
    const producer = setInterval(
      () => kcg.kinesis.putRecord('orders', { partitionKey: 'e', data: Buffer.from('e') }),
      500,
    );
    try {
      expect(await next).toMatch(/: \d+ records$/m);
    } finally {
      clearInterval(producer);
    }
  });

  test('has pods that end without an error when there are to be fewer', async () => {
    await until('there are two pods', async () => (await readyPods()).length === 2);
    // A finalizer keeps what is known of a pod that has ended.
    const keep = async (finalizers: string[]) => {
      const patch = JSON.stringify({ metadata: { finalizers } });
      for (const name of names) await kcg.kubectl('patch', 'pod', name, '--type=merge', '-p', patch);
    };
    const names = (await kcg.pods('orders')).map(({ metadata }) => metadata.name);
    await keep(['kcg.dev/test']);
    const spec = { scaling: { maxReplicas: 1 } };
    await kcg.kubectl('patch', 'kcg', 'orders', '--type=merge', '-p', JSON.stringify({ spec }));
    const ended = '?(@.state.terminated)';
    const path = `{range .items[*].status.containerStatuses[${ended}]}{.name}={.state.terminated.exitCode} {end}`;
    const exitCodes = () =>
      kcg.kubectl('get', 'pods', '-l', 'kcg.dev/group=orders', '-o', `jsonpath=${path}`);
    await until('both containers of a pod have ended', async () => / .* /.test(await exitCodes()), exitCodes);
    expect((await exitCodes()).trim().split(' ').sort()).toEqual(['app=0', 'worker=0']);
    await keep([]);
  });

  const between = others.filter((block) => block !== install && block !== uninstall);
  test.for(between)('takes what $page says in line $line', async (block) => {
    await kcg.paste(scriptOf(block));
  });

  // What docs/dashboard.md says of a cluster.
  test('has a dashboard, once it is asked for, that port-forward reaches and other pods do not', async () => {
    const forward = scriptOf(onDashboard!).trim();
    expect(forward).toContain('port-forward');
    // Until the new one leads there is none to forward to, or one without a dashboard.
    const told = await kcg.paste(`
      helm upgrade kcg charts/kcg -n kcg-system --reuse-values --set dashboard.enabled=true --wait --timeout 240s >/dev/null
      set -m
      until false; do ${forward} || sleep 0.2; done >/dev/null 2>&1 &
      trap "kill -- -$!" EXIT
      timeout 240 bash -c 'until curl -sf http://localhost:8082/api/groups | grep "leads.:true"; do sleep 0.2; done'`);
    expect(told).toContain('"id":"shop/orders"');
    const query = 'get pods -n kcg-system -l kcg.dev/leader=true -o jsonpath={.items[*].status.podIP}';
    // The one that led before has its label until it is gone.
    const isOne = (ips: string) => /^\S+$/.test(ips) && ips;
    const ip = await until('one leader', async () => isOne(await kcg.kubectl(...query.split(' '))));
    // The port of the metrics answers there, that of the dashboard does not.
    expect((await fetch(`http://${ip}:8080/healthz`)).status).toBe(200);
    await expect(fetch(`http://${ip}:8082/`)).rejects.toThrow();
  });

  test('ends and begins anew as docs/install.md says', async () => {
    await kcg.paste(scriptOf(uninstall!));
    expect(await kcg.paste(scriptOf(install!))).toContain('deployment "kcg" successfully rolled out');
  });
});
