import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { request } from 'node:https';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ControlPlane {
  kubeconfig: string;
  kubectl(args: string[], stdin?: string): Promise<KubectlResult>;
  stop(): Promise<void>;
}

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kcg/cluster/bin');
const TOKEN = 'kcg-test-admin';
const READY_SECONDS = 60;

interface Programs {
  etcd: string[];
  apiserver: string[];
  /** Absent in envtest's assets: Deployments make no pods there. */
  controllerManager: string[] | undefined;
  kubectl: string[];
}

/** Where a control plane comes from, in this order; the build takes ten minutes and is never started by surprise. */
export function findControlPlane():
  | { from: 'kubeconfig'; path: string }
  | { from: 'programs'; programs: Programs }
  | undefined {
  const given = process.env['KCG_TEST_KUBECONFIG'];
  if (given) return { from: 'kubeconfig', path: given };
  const assets = process.env['KUBEBUILDER_ASSETS'];
  if (assets && existsSync(join(assets, 'kube-apiserver'))) {
    const program = (name: string) => [join(assets, name)];
    const apiserver = program('kube-apiserver');
    const programs = {
      etcd: program('etcd'),
      apiserver,
      controllerManager: undefined,
      kubectl: program('kubectl'),
    };
    return { from: 'programs', programs };
  }
  const all = join(CACHE, 'hk');
  if (!existsSync(all)) return undefined;
  const command = (name: string) => [all, name];
  return {
    from: 'programs',
    programs: {
      etcd: command('etcd'),
      apiserver: command('kube-apiserver'),
      controllerManager: command('kube-controller-manager'),
      kubectl: command('kubectl'),
    },
  };
}

/** A line that says how to get a control plane; nothing when there is one. Under CI it is built when it is missing. */
export function controlPlaneProblem(): string | undefined {
  if (findControlPlane()) return undefined;
  if (process.env['CI'] === 'true') {
    process.stderr.write('building a Kubernetes control plane from Go modules (about 10 minutes, once)\n');
    spawnSync('bash', [join(import.meta.dirname, '../cluster/build'), 'control'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (findControlPlane()) return undefined;
    throw new Error('no Kubernetes control plane: npm run cluster:build failed, see above');
  }
  return 'tests that need a Kubernetes API server are skipped; "npm run cluster:build" builds one (Go, 10 minutes, once)';
}

/** etcd, API server and controllers as processes on free ports of 127.0.0.1; or the cluster a kubeconfig names. */
export async function startControlPlane(): Promise<ControlPlane> {
  const found = findControlPlane();
  if (!found) throw new Error(controlPlaneProblem());
  if (found.from === 'kubeconfig') {
    return { kubeconfig: found.path, kubectl: kubectlOf(['kubectl'], found.path), stop: async () => {} };
  }
  const { programs } = found;
  const run = mkdtempSync(join(tmpdir(), 'kcg-control-plane-'));
  const [clientPort, peerPort, apiPort] = await freePorts(3);
  const processes: ChildProcess[] = [];
  const start = (name: string, [program = '', ...args]: readonly string[]) => {
    const log = openSync(join(run, `${name}.log`), 'a');
    processes.push(spawn(program, args, { stdio: ['ignore', log, log], cwd: run }));
  };
  const stop = async () => {
    await Promise.all(processes.toReversed().map(end));
    rmSync(run, { recursive: true, force: true });
  };
  process.once('exit', () => processes.forEach((child) => child.kill('SIGKILL')));

  const etcd = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  start('etcd', [
    ...programs.etcd,
    '--name=e',
    `--data-dir=${run}/etcd`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=e=${peer}`,
  ]);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(run, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(join(run, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(run, 'tokens.csv'), `${TOKEN},admin,admin,system:masters\n`);
  start('apiserver', [
    ...programs.apiserver,
    `--etcd-servers=${etcd}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${apiPort}`,
    `--cert-dir=${run}/pki`,
    `--token-auth-file=${run}/tokens.csv`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.99.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${run}/sa.key`,
    `--service-account-key-file=${run}/sa.pub`,
    '--endpoint-reconciler-type=none',
    '--profiling=false',
  ]);
  const server = `https://127.0.0.1:${apiPort}`;
  await waitUntil('the API server', run, () => isReady(apiPort!));
  const kubeconfig = join(run, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(server, readFileSync(join(run, 'pki/apiserver.crt'))));
  const kubectl = kubectlOf(programs.kubectl, kubeconfig);
  if (programs.controllerManager) {
    start('controller-manager', [
      ...programs.controllerManager,
      `--kubeconfig=${kubeconfig}`,
      '--bind-address=127.0.0.1',
      '--secure-port=0',
      `--service-account-private-key-file=${run}/sa.key`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ]);
    await waitUntil(
      'the default ServiceAccount',
      run,
      async () => (await kubectl(['get', 'serviceaccount', 'default'])).code === 0,
    );
  }
  return { kubeconfig, kubectl, stop };
}

function kubectlOf(
  [program = 'kubectl', ...first]: readonly string[],
  kubeconfig: string,
): ControlPlane['kubectl'] {
  return (args, stdin = '') =>
    new Promise((resolve) => {
      const options = { env: { ...process.env, KUBECONFIG: kubeconfig }, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(program, [...first, ...args], options, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr });
      });
      child.stdin?.end(stdin);
    });
}

function kubeconfigOf(server: string, ca: Buffer): string {
  const cluster = { server, 'certificate-authority-data': ca.toString('base64') };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'admin', user: { token: TOKEN } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  });
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const call = request({
      host: '127.0.0.1',
      port,
      path: '/readyz',
      headers,
      rejectUnauthorized: false,
      timeout: 2_000,
    });
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(false));
    call.end();
  });
}

async function waitUntil(what: string, run: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < READY_SECONDS * 10; tries += 1) {
    if (await holds()) return;
    await setTimeout(100);
  }
  throw new Error(`${what} did not come up in ${READY_SECONDS} s; logs are in ${run}`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([gone, setTimeout(5_000).then(() => child.kill('SIGKILL'))]);
  await gone;
}
