import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWithCluster } from '../support/control-plane.ts';
import { goProgram } from '../support/peer-programs.ts';
import { NODE_UP_MS } from '../support/node-cluster.ts';
import { appPod, isReady, startNodeHarness, until, type NodeHarness, type Pod } from './harness.ts';

const AWS_KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].map((name) => ({ name, value: 'test' }));

/*
 * One group's life on a real kubelet: kcg installed by Helm, an application in Go that gets its batches by http. The
 * tests go on from one another, as a group's life does.
 */
describeWithCluster('a group on a real node', 'node', () => {
  let kcg: NodeHarness;
  let stopProducer = async () => {};

  beforeAll(async () => {
    kcg = await startNodeHarness();
    kcg.kinesis.createStream({ name: 'orders', shardCount: 4 });
    await kcg.install();
  }, NODE_UP_MS);
  // Also where a test has failed: what nobody stops would be missing in all tests that follow.
  afterEach(() => stopProducer());
  afterAll(() => kcg?.stop());

  const group = () => `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders}
spec:
  stream: {name: orders}
  region: eu-west-1
  checkpoints: {deletionPolicy: Delete, table: {deletionProtection: false}}
  handler: {http: {container: app, port: 8080}}
  template:
${appPod(kcg.collectorUrl)}`;
  const release = (...args: string[]) =>
    kcg.helm(...args, '--namespace', 'kcg-system', '--wait', '--timeout', '240s');
  /** All four pods and no others, of this version's image. */
  const isOn = (tag: string) => async () => {
    const pods = await kcg.allPods('orders');
    const isOfIt = ({ spec: { containers } }: Pod) =>
      containers.find(({ name }) => name === 'worker')?.image === `registry.example/kcg:${tag}`;
    return pods.length === 4 && pods.every((pod) => isOfIt(pod) && isReady(pod));
  };
  const openShards = () =>
    kcg.kinesis.listShards('orders', { filter: { type: 'AT_LATEST' } }).shards.map(({ shardId }) => shardId);
  const readyPods = async () => (await kcg.pods('orders')).filter(isReady);
  const owners = async () => (await kcg.status('orders')).shards?.map(({ owner }) => owner) ?? [];
  /** What a pod reads, where each reads one shard. */
  const readsOfItsOwn = async () => {
    const pods = (await readyPods()).map(({ metadata }) => metadata.name);
    const read = pods.map((name) => ({ name, shards: kcg.tally.shardsOf(name) }));
    return read.length === 4 && read.every((each) => each.shards.length === 1) && read[0];
  };
  const produce = () => (stopProducer = kcg.produce('orders', 100));
  const everythingArrives = async () => {
    await stopProducer();
    await until('nothing is missing', () => kcg.tally.result().lost === 0);
  };
  /** A shard that went through more was taken from a worker whose lease ended: what that had not checkpointed comes again. */
  const nothingComesAgain = (moves: readonly number[], before: number) => {
    if (moves.every((each) => each <= 1)) expect(kcg.tally.result().duplicated).toBe(before);
  };

  test('consumes records with an application in another language', async () => {
    await kcg.apply(group());
    produce();
    await kcg.kubectl('wait', '--for=condition=Ready', 'kcg/orders', '--timeout=240s');
    await until('each shard is read', () => openShards().every((id) => kcg.tally.latest(id)));
    await until('every pod is ready', async () => (await readyPods()).length === 4);
    await until('status names every owner', async () => (await owners()).filter(Boolean).length === 4);
    await until('each has one', async () => new Set(await owners()).size === 4);
    await everythingArrives();
  });

  test('is shown by kubectl get kcg', async () => {
    const table = async () =>
      (await kcg.kubectl('get', 'kcg', 'orders')).split('\n').map((line) => line.split(/\s+/));
    // The Deployment counts a pod as ready a moment after the pod says so, and the status follows the Deployment.
    await until('every pod is counted', async () => (await table())[1]?.[3] === '4/4');
    const [head, row] = await table();
    expect(head?.slice(0, 7)).toEqual(['NAME', 'STREAM', 'SHARDS', 'PODS', 'LAG', 'READY', 'REASON']);
    expect(row?.slice(0, 4)).toEqual(['orders', 'orders', '4/4', '4/4']);
    expect(row?.[5]).toBe('True');
  });

  test("has a killed worker's shards read again by others", async () => {
    produce();
    // The last to get its shard may have read nothing before.
    const { name, shards } = await until('each pod reads a shard of its own', readsOfItsOwn);
    const pid = await kcg.pidOf({ namespace: 'shop', name, container: 'worker' });
    const killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    await until('its shards are read by others', () =>
      shards.every((id) => (kcg.tally.latest(id)?.atMs ?? 0) > killedAt + 100),
    );
    console.log(`kill -9 to read again: ${((performance.now() - killedAt) / 1_000).toFixed(2)} s`);
    await until('the container is back', async () => (await readyPods()).length === 4);
    await everythingArrives();
  });

  test('moves each shard once when the release is upgraded, and delivers nothing twice', async () => {
    produce();
    await until('the kill is digested', readsOfItsOwn);
    const before = kcg.tally.result().duplicated;
    const old = (await readyPods()).map(({ metadata }) => metadata.name);
    const epochs = await epochsOf(kcg);
    await kcg.tagImage('registry.example/kcg:0.1.0', 'registry.example/kcg:0.1.1');
    const chart = chartWithAColumnMore();
    await release('upgrade', 'kcg', chart, '--reset-then-reuse-values', '--set', 'image.tag=0.1.1');
    rmSync(chart, { recursive: true });
    await until('only new pods are there', isOn('0.1.1'), () => kcg.status('orders'));
    await until('the new pods read all', () =>
      openShards().every((id) => !old.includes(kcg.tally.latest(id)?.pod ?? '')),
    );
    expect(await kcg.kubectl('get', 'kcg', 'orders')).toContain('NEWER');
    await everythingArrives();
    const moves = Object.entries(await epochsOf(kcg)).map(([id, epoch]) => epoch - (epochs[id] ?? 0));
    console.log(`epochs a shard went through in the rollout: ${moves.join(', ')}`);
    nothingComesAgain(moves, before);
  });

  test('goes back with the release, its definition too, and delivers nothing twice', async () => {
    produce();
    const before = kcg.tally.result().duplicated;
    const uid = () => kcg.kubectl('get', 'kcg', 'orders', '-o', 'jsonpath={.metadata.uid}');
    const same = await uid();
    const epochs = await epochsOf(kcg);
    await release('rollback', 'kcg', '1');
    await until('the old image reads', isOn('0.1.0'), () => kcg.status('orders'));
    expect(await kcg.kubectl('get', 'kcg', 'orders')).not.toContain('NEWER');
    await kcg.kubectl('wait', '--for=condition=Ready', 'kcg/orders', '--timeout=240s');
    await everythingArrives();
    const moves = Object.entries(await epochsOf(kcg)).map(([id, epoch]) => epoch - (epochs[id] ?? 0));
    console.log(`epochs a shard went through on the way back: ${moves.join(', ')}`);
    nothingComesAgain(moves, before);
    expect(await uid()).toBe(same);
  });

  test('grows with its shards, and shrinks when it may have fewer pods', async () => {
    produce();
    const [first] = kcg.kinesis.listShards('orders', { filter: { type: 'AT_LATEST' } }).shards;
    const middle = (BigInt(first!.hashStart) + BigInt(first!.hashEnd)) / 2n + 1n;
    kcg.kinesis.splitShard('orders', first!.shardId, String(middle));
    await until('a fifth pod is there', async () => (await readyPods()).length === 5);
    await until('the children are read', () => openShards().every((id) => kcg.tally.latest(id)));
    await kcg.kubectl(
      'patch',
      'kcg',
      'orders',
      '--type=merge',
      '-p',
      '{"spec":{"scaling":{"maxReplicas":2}}}',
    );
    await until('two pods are left', async () => (await kcg.pods('orders')).length === 2);
    const stay = new Set((await kcg.pods('orders')).map(({ metadata }) => metadata.name));
    await until('they read everything', () =>
      openShards().every((id) => stay.has(kcg.tally.latest(id)?.pod ?? '')),
    );
    await everythingArrives();
  });

  test('has lost nothing and kept the order of every key', async () => {
    await everythingArrives();
    const { produced, lost, outOfOrder, duplicated } = kcg.tally.result();
    console.log(`${produced} produced, ${duplicated} delivered twice (after kill -9)`);
    expect({ lost, outOfOrder }).toEqual({ lost: 0, outOfOrder: 0 });
  });

  test('takes its pods and, with the policy Delete, its table along', async () => {
    await kcg.kubectl('delete', 'kcg', 'orders', '--timeout=240s');
    await until('the pods are gone', async () => (await kcg.pods('orders')).length === 0);
    await until(
      'nothing is left',
      async () => (await kcg.kubectl('get', 'deployments,pdb', '-o', 'name')) === '',
    );
    expect(
      await kcg.kubectl('get', 'events', '--field-selector=reason=FailedPreStopHook', '-o', 'name'),
    ).toBe('');
    expect(await kcg.tableNames()).toEqual([]);
  });

  test('runs a module in an image that has no Node, no shell and no C library', async () => {
    await kcg.apply(`
apiVersion: v1
kind: ConfigMap
metadata: {name: handler}
data:
  handler.mjs: |
    export default async (batch, context) => {
      const records = batch.records.map(({ partitionKey, data }) => ({ key: partitionKey, text: Buffer.from(data).toString() }));
      const body = JSON.stringify({ shardId: batch.shardId, pod: process.env.KCG_POD_NAME, records });
      await fetch(process.env.COLLECTOR_URL, { method: 'POST', body, signal: context.signal });
    };
---
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: module}
spec:
  stream: {name: orders}
  region: eu-west-1
  initialPosition: {type: Latest}
  handler: {module: {container: app, path: /handler/handler.mjs}}
  scaling: {shardsPerWorker: 5}
  template:
    spec:
      dnsPolicy: Default
      volumes: [{name: handler, configMap: {name: handler}}]
      containers:
      - name: app
        image: localhost/http-go:1
        volumeMounts: [{name: handler, mountPath: /handler}]
        env:
        - {name: COLLECTOR_URL, value: "${kcg.collectorUrl}"}
        - {name: AWS_ACCESS_KEY_ID, value: test}
        - {name: AWS_SECRET_ACCESS_KEY, value: test}
`);
    await kcg.kubectl('wait', '--for=condition=Ready', 'kcg/module', '--timeout=240s');
    stopProducer = kcg.produce('orders', 50);
    const [pod] = await kcg.pods('module');
    await until('the module is called for each shard', () =>
      openShards().every((id) => kcg.tally.latest(id)?.pod === pod?.metadata.name),
    );
    await everythingArrives();
  });

  test('says what ends a worker in its own last words', async () => {
    const spec = { handler: { module: { path: '/handler/gone.mjs' } } };
    await kcg.kubectl('patch', 'kcg', 'module', '--type=merge', '-p', JSON.stringify({ spec }));
    const path = 'jsonpath={.status.conditions[?(@.type=="WorkersAvailable")].message}';
    await until('the status says so', async () =>
      (await kcg.kubectl('get', 'kcg', 'module', '-o', path)).includes(
        'CrashLoopBackOff: ended with exit code 2: handler module /handler/gone.mjs does not exist.',
      ),
    );
    await kcg.kubectl('delete', 'kcg', 'module', '--timeout=240s');
  });

  test('is waited for by helm install of a chart that has one', async () => {
    const chart = mkdtempSync(join(tmpdir(), 'kcg-chart-'));
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: waited\nversion: 0.1.0\n');
    mkdirSync(join(chart, 'templates'));
    const template = { spec: { dnsPolicy: 'Default', containers: [{ name: 'worker', env: AWS_KEYS }] } };
    const spec = {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      scaling: { shardsPerWorker: 5 },
      template,
    };
    const waited = {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'waited' },
      spec,
    };
    writeFileSync(join(chart, 'templates/group.yaml'), JSON.stringify(waited));
    const flags = ['--namespace', 'shop', '--wait', '--timeout', '240s'];
    await kcg.helm('install', 'waited', chart, ...flags);
    rmSync(chart, { recursive: true });
    const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
    expect(await kcg.kubectl('get', 'kcg', 'waited', '-o', path)).toBe('True');
    await kcg.helm('uninstall', 'waited', ...flags);
    expect(await kcg.kubectl('get', 'kcg', 'waited', '--ignore-not-found')).toBe('');
  });

  test('runs a program of the MultiLang protocol in an image that has nothing but it', async () => {
    await kcg.apply(`
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: exec}
spec:
  stream: {name: orders}
  region: eu-west-1
  initialPosition: {type: Latest}
  handler: {exec: {container: app, command: [/main]}}
  scaling: {shardsPerWorker: 5}
  template:
    spec:
      dnsPolicy: Default
      containers:
      - name: app
        image: localhost/multilang:1
        env:
        - {name: COLLECTOR_URL, value: "${kcg.collectorUrl}"}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: AWS_ACCESS_KEY_ID, value: test}
        - {name: AWS_SECRET_ACCESS_KEY, value: test}
`);
    await kcg.kubectl('wait', '--for=condition=Ready', 'kcg/exec', '--timeout=240s');
    stopProducer = kcg.produce('orders', 50);
    const isRead = async () => {
      const [pod] = await kcg.pods('exec');
      return openShards().every((id) => kcg.tally.latest(id)?.pod === pod?.metadata.name);
    };
    await until('its processes get each shard', isRead);
    // A pod that ends hands over what its processes have checkpointed when they were told to shut down.
    const [old] = await kcg.pods('exec');
    const { duplicated } = kcg.tally.result();
    const epochs = await epochsOf(kcg, 'exec');
    await kcg.kubectl('rollout', 'restart', 'deployment', '-l', 'kcg.dev/group=exec');
    await until(
      'another pod gets each shard',
      async () => (await isRead()) && (await kcg.pods('exec'))[0]?.metadata.name !== old?.metadata.name,
    );
    await everythingArrives();
    const moves = Object.entries(await epochsOf(kcg, 'exec')).map(([id, epoch]) => epoch - (epochs[id] ?? 0));
    nothingComesAgain(moves, duplicated);
  });

  test('says that the program of a group does not exist', async () => {
    const spec = { handler: { exec: { command: ['/gone'] } } };
    await kcg.kubectl('patch', 'kcg', 'exec', '--type=merge', '-p', JSON.stringify({ spec }));
    const path = 'jsonpath={.status.conditions[?(@.type=="WorkersAvailable")].message}';
    await until('the status says so', async () =>
      (await kcg.kubectl('get', 'kcg', 'exec', '-o', path)).includes(
        'CrashLoopBackOff: ended with exit code 2: the program /gone of handler.exec does not exist.',
      ),
    );
  });

  test('runs a function for Lambda as it is, and has what it left retried when it ends', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kcg-function-'));
    const archive = join(folder, 'function.tar');
    const program = await goProgram('test/runtime/handlers/lambda/programs/go');
    const args = ['test/cluster/static-image.ts', program, 'localhost/function:1', '1000:1000', archive];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 2] });
    await kcg.importImage(archive);
    rmSync(folder, { recursive: true });
    kcg.kinesis.createStream({ name: 'events', shardCount: 2 });
    await kcg.apply(`
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: function}
spec:
  stream: {name: events}
  region: eu-west-1
  handler: {lambda: {container: app}, retry: {maxAttempts: 1}}
  scaling: {shardsPerWorker: 2}
  template:
    spec:
      dnsPolicy: Default
      containers:
      - name: app
        image: localhost/function:1
        resources: {limits: {memory: 256Mi}}
        env: [{name: COLLECTOR_URL, value: "${kcg.collectorUrl}"}]
      - name: worker
        env: [{name: AWS_ACCESS_KEY_ID, value: test}, {name: AWS_SECRET_ACCESS_KEY, value: test}]
`);
    await kcg.kubectl('wait', '--for=condition=Ready', 'kcg/function', '--timeout=240s');
    const [pod] = await kcg.pods('function');
    const restarts = async () =>
      (await kcg.pods('function'))[0]?.status.containerStatuses?.find(({ name }) => name === 'app')
        ?.restartCount;
    // The worker listened before it began.
    expect(await restarts()).toBe(0);
    kcg.kinesis.putRecord('events', { partitionKey: 'k', data: Buffer.from('exit') });
    await until('the function has ended twice', async () => (await restarts()) === 2);
    stopProducer = kcg.produce('events', 50);
    await everythingArrives();
    expect(kcg.tally.latest('shardId-000000000001')?.pod).toBe(pod?.metadata.name);
    await kcg.kubectl('delete', 'kcg', 'function', '--timeout=240s');
    await until('its pod has ended', async () => (await kcg.pods('function')).length === 0);
  });
});

/** The chart of a later version, whose definition of groups says more. */
function chartWithAColumnMore(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-chart-'));
  cpSync('charts/kcg', folder, { recursive: true });
  const file = join(folder, 'files/crds/kcg.dev_kinesisconsumergroups.yaml');
  const column = { name: 'Newer', type: 'string', jsonPath: '.spec.region' };
  const crd = parse(readFileSync(file, 'utf8')) as {
    spec: { versions: { additionalPrinterColumns: unknown[] }[] };
  };
  for (const version of crd.spec.versions) version.additionalPrinterColumns.push(column);
  writeFileSync(file, stringify(crd, { aliasDuplicateObjects: false }));
  return folder;
}

async function epochsOf(kcg: NodeHarness, group = 'orders'): Promise<Record<string, number>> {
  const rows = await kcg.rows(`kinesis-checkpoints-shop-${group}`);
  return Object.fromEntries(
    rows.flatMap(({ shard_id, epoch }) => (epoch?.N ? [[shard_id?.S ?? '', Number(epoch.N)]] : [])),
  );
}
