import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeCertificate } from '../../src/dev/tls/certificate.ts';
import { Site } from '../operator/operator-process.ts';
import { ProcessKubelet } from '../operator/process-kubelet.ts';
import { kcgHere, writeProgram, type CommandRun } from '../support/kcg-here.ts';
import { until as untilTold } from '../support/until.ts';

/*
 * The command on a real API server, with a real operator and workers that are processes. Logs come from a server that answers as a
 * kubelet does, with what these workers have said.
 */

const SECRET = 'MARKER-of-a-secret';
const DATA = 'MARKER-of-record-data';
const SECONDS = 1_000;

let site: Site;
let kubelet: ProcessKubelet;
let node: Server;
let folder: string;

const groupYaml = (name: string, more = '') => `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: ${name}, namespace: shop, labels: {team: checkout}}
spec:
  stream: {name: orders}
  region: eu-west-1
  endpoints: {kinesis: "${site.kinesis.endpoint}", dynamodb: "${site.dynamodb.endpoint}"}
  leases: {durationSeconds: 20}
  handler: {log: {}}
  scaling: {mode: Fixed, replicas: 2}
  template: {spec: {containers: [{name: worker, env: [{name: PASSWORD, value: ${SECRET}}]}]}}
${more}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-command-'));
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 4 });
  // Its library reads the process's own.
  vi.stubEnv('KUBECONFIG', site.plane.kubeconfig);
  await site.startOperator().works();
  await site.kubectl('create namespace shop');
  kubelet = new ProcessKubelet(site.plane.kubeconfig, 'shop');
  node = createServer(makeCertificate(Date.now()), (request, response) => {
    const [, , , pod = ''] = (request.url ?? '').split(/[/?]/);
    const lines = kubelet.lines
      .filter((line) => line.startsWith(`${pod} `))
      .map((line) => line.slice(pod.length + 1));
    response.end(`${lines.join('\n')}\na handler's own line with ${DATA}\n`);
  });
  await new Promise<void>((done) => node.listen(0, '127.0.0.1', done));
  await site.apply(groupYaml('orders'));
  await site.kubectl('wait --for=condition=Ready kcg/orders -n shop --timeout=600s');
  for (let n = 0; n < 20; n += 1)
    site.kinesis.kinesis.putRecord('orders', { partitionKey: `k${n}`, data: Buffer.from(DATA) });
});
afterAll(async () => {
  await kubelet?.close();
  node?.close();
  await site?.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const kcg = (line: string): Promise<CommandRun> =>
  kcgHere(line.split(' '), { KUBECONFIG: site.plane.kubeconfig, HOME: folder });
const pods = async () =>
  (await site.kubectl('get pods -n shop -o name -l kcg.dev/group=orders')).trim().split('\n');
/** Until what it prints is so: a busy machine is behind, and says so. */
async function until(line: string, holds: (run: CommandRun) => boolean): Promise<CommandRun> {
  let run: CommandRun | undefined;
  const look = async () => {
    run = await kcg(line);
    return holds(run) && run;
  };
  return untilTold(`kcg ${line}`, look, 300, () => run);
}

describe('kcg on a cluster', () => {
  test(
    'tells at a glance that all is well, of one group and of all',
    async () => {
      const { stdout } = await until('status orders -n shop', ({ code }) => code === 0);
      expect(stdout).toMatch(/^shop\/orders {2}Ready\n/);
      expect(stdout).toContain('Shards   4 of 4 owned');
      expect(stdout).toContain('Pods     2 of 2 ready');
      expect((await until('status -A', ({ code }) => code === 0)).stdout).toContain('1 group, nothing wrong');
      expect(await kcg('get -n shop -l team=checkout -o name')).toMatchObject({
        stdout: 'kinesisconsumergroup.kcg.dev/orders\n',
      });
      expect(await kcg('get -n shop -l team=other')).toEqual({
        code: 0,
        stdout: '',
        stderr: 'No resources found in shop namespace.\n',
      });
      expect((await kcg('describe orders -n shop')).stdout).toMatch(
        /ScalingReplicaSet +Deployment\/orders-worker/,
      );
      // One that is on its way to the second worker is owned as well.
      const consuming = ({ stdout }: CommandRun) => stdout.match(/"state": "consuming"/g)?.length === 4;
      const { shards } = JSON.parse((await until('shards orders -n shop -o json', consuming)).stdout) as {
        shards: object[];
      };
      expect(shards).toHaveLength(4);
      expect(shards[0]).toMatchObject({ widthPercent: 25, state: 'consuming' });
    },
    900 * SECONDS,
  );

  test(
    'knows from the table alone when the API server is away, and says what it does not know',
    async () => {
      const away = `status orders -n shop --server http://127.0.0.1:1 --dynamodb-endpoint ${site.dynamodb.endpoint}`;
      const { stdout } = await until(away, ({ code }) => code === 0);
      expect(stdout).toContain('Shards   4 of 4 owned');
      expect(stdout).toMatch(
        /UNKNOWN {2}Kubernetes: cannot get .*Looked at table kinesis-checkpoints-shop-orders/,
      );
      const paused = await kcg('pause orders -n shop --server http://127.0.0.1:1');
      expect(paused).toMatchObject({ code: 1, stdout: '' });
      expect(paused.stderr).toContain('This needs Kubernetes; workers that run go on');
    },
    900 * SECONDS,
  );

  test(
    'says before anything is touched what would come of a group',
    async () => {
      const file = join(folder, 'group.yaml');
      writeFileSync(file, groupYaml('another'));
      const well = await kcg(`preflight -f ${file}`);
      expect(well).toMatchObject({ code: 0, stderr: '' });
      expect(well.stdout).toContain('the API server takes it (server dry run)');
      expect(well.stdout).toContain('kinesis-checkpoints-shop-another does not exist; the operator makes it');
      expect(well.stdout).toContain(
        'the operator makes the Deployment another-worker; the API server takes it',
      );
      const pods = async (changed: string) => {
        writeFileSync(file, changed);
        const { stdout } = await kcg(`preflight -f ${file}`);
        return stdout.split('\n').find((line) => line.includes(' pods '));
      };
      const orders = groupYaml('orders');
      expect(await pods(orders.replace('replicas: 2', 'replicas: 3'))).toMatch(/ok .*none would be replaced/);
      expect(await pods(orders.replace('durationSeconds: 20', 'durationSeconds: 30'))).toMatch(
        /ok .*all of the Deployment orders-worker would be replaced.*; the API server takes it/,
      );
      expect(await pods(orders.replace('env: [', 'enw: ['))).toMatch(/failed .*enw/);
      expect(well.stdout).toContain('it comes to 2 workers: 2 workers are asked for');
      writeFileSync(
        file,
        groupYaml(
          'twin',
          '  groupId: shop.orders\n  checkpoints: {table: {name: kinesis-checkpoints-shop-orders}}\n',
        ),
      );
      const twin = await kcg(`preflight -f ${file} -o json`);
      expect(twin.code).toBe(1);
      const { checks } = JSON.parse(twin.stdout) as { checks: { what: string; result: string }[] };
      expect(checks.filter(({ result }) => result === 'failed').map(({ what }) => what)).toEqual([
        'conflicts',
        'claim',
      ]);
      expect(await site.kubectl('get kcg -n shop -o name')).toBe('kinesisconsumergroup.kcg.dev/orders\n');
    },
    900 * SECONDS,
  );

  test(
    'looks after itself: doctor',
    async () => {
      const { stdout } = await kcg('doctor -n shop');
      expect(stdout).toMatch(/ok +CRD +installed/);
      expect(stdout).toMatch(/warning +operator +no Deployment of it in any namespace/);
      expect(stdout).toMatch(/ok +rights/);
    },
    900 * SECONDS,
  );

  test(
    'pauses and resumes, and is done when it says so',
    async () => {
      expect(await kcg('pause orders -n shop --dry-run=server')).toMatchObject({
        stdout: 'kinesisconsumergroup.kcg.dev/orders paused (server dry run)\n',
      });
      expect(await kcg('pause orders -n shop --wait')).toMatchObject({
        code: 0,
        stdout: 'kinesisconsumergroup.kcg.dev/orders paused\n',
      });
      // Readiness is told a moment later.
      const isPaused = ({ stdout }: CommandRun) => stdout.startsWith('shop/orders  Paused\n');
      const { code, stdout } = await until('status orders -n shop', isPaused);
      expect(code).toBe(0);
      expect(stdout).toContain('Shards   0 of 4 owned');
      expect((await kcg('pause orders -n shop')).stdout).toContain('is Paused already');
      expect(await kcg('resume -l team=checkout -n shop --wait')).toMatchObject({ code: 0 });
      await until('status orders -n shop', ({ code }) => code === 0);
    },
    1_500 * SECONDS,
  );

  test(
    'drains a pod, says where its shards went, and restarts the others',
    async () => {
      const [pod = ''] = await pods();
      const drained = await kcg(`drain ${pod} -n shop --timeout 240`);
      expect(drained.code).toBe(0);
      expect(drained.stdout).toMatch(/^evicting pod shop\/\S+, which owns \d shards?\npod\/\S+ drained\n/);
      expect(await pods()).not.toContain(pod);
      const before = await pods();
      expect(await kcg('restart orders -n shop --wait --timeout 400')).toMatchObject({ code: 0 });
      expect((await pods()).filter((each) => before.includes(each))).toEqual([]);
      await until('status orders -n shop', ({ code }) => code === 0);
    },
    1_500 * SECONDS,
  );

  test(
    'reads the logs of all workers as one, and reports without secrets and records',
    async () => {
      const { port } = node.address() as AddressInfo;
      const status = {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      };
      await site.kubectl(
        'apply -f -',
        JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'played' } }),
      );
      await site.kubectl(
        'patch node played --subresource=status --type=merge -p'.concat(` ${JSON.stringify({ status })}`),
      );
      for (const pod of await pods()) {
        const name = pod.replace('pod/', '');
        const binding = {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, namespace: 'shop' },
          target: { apiVersion: 'v1', kind: 'Node', name: 'played' },
        };
        await site.kubectl(
          `create --raw /api/v1/namespaces/shop/pods/${name}/binding -f -`,
          JSON.stringify(binding),
        );
      }
      const logs = await kcg('logs orders -n shop --tail -1');
      expect(logs).toMatchObject({ code: 0, stderr: '' });
      for (const pod of await pods())
        expect(logs.stdout).toMatch(new RegExp(`${pod.replace('pod/', '')} WorkerLive`));
      expect((await kcg('logs orders -n shop --shard 999')).stdout).toBe('');

      const file = join(folder, 'report.tar.gz');
      expect(await kcg(`report orders -n shop --output-file ${file}`)).toMatchObject({
        code: 0,
        stdout: `${file}\n`,
      });
      const archive = gunzipSync(readFileSync(file)).toString('latin1');
      for (const there of ['WorkerLive', '"PASSWORD"', 'TableCreating', 'shardId-000000000003'])
        expect(archive).toContain(there);
      expect(archive).not.toContain('MARKER');
      expect(await kcg(`report orders -n shop --output-file ${file}`)).toMatchObject({ code: 2 });
    },
    900 * SECONDS,
  );

  test(
    'completes names of groups, and answers kubectl',
    async () => {
      // Nobody who presses Tab waits longer than three seconds: a busy API server has had its turn by another time.
      await until('__complete status -n shop o', ({ stdout }) => stdout === 'orders\n:4\n');
      await until('__complete drain -n shop orders-w', ({ stdout }) => stdout.startsWith('orders-worker-'));
      writeProgram(folder, 'kubectl-kcg');
      const completer = join(folder, 'kubectl_complete-kcg');
      writeFileSync(completer, (await kcg('completion kubectl')).stdout);
      chmodSync(completer, 0o755);
      const env = {
        ...process.env,
        PATH: `${folder}:${process.env['PATH']}`,
        KUBECONFIG: site.plane.kubeconfig,
      };
      const asked = execFileSync('kubectl', ['__complete', 'kcg', 'status', '--outp'], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect(asked).toContain('--output');
    },
    900 * SECONDS,
  );
});
