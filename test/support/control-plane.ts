import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  clusterAvailability,
  findControlPlane,
  type ClusterKind,
  type ControlPrograms,
} from '../cluster/find-programs.ts';
import { ProcessGroup } from '../cluster/process-group.ts';
import { kubectlOf, type Kubectl } from './kubectl.ts';
import { lastingPort } from './lasting-port.ts';
import { until } from './until.ts';

export type { KubectlResult } from './kubectl.ts';

export interface ControlPlane {
  kubeconfig: string;
  kubectl: Kubectl;
  stop(): Promise<void>;
}

const TOKEN = 'kcg-test-admin';
const READY_SECONDS = 300;

/** A line that says how to get a control plane; nothing when there is one. */
export function controlPlaneProblem(): string | undefined {
  const availability = clusterAvailability('control');
  return availability.available ? undefined : `cluster tests are skipped: ${availability.reason}`;
}

/** `describe` for tests that need a cluster: skipped, with a line that says why, where there is none; under CI=true it must be there. */
export function describeWithCluster(name: string, kind: ClusterKind, tests: () => void): void {
  const availability = clusterAvailability(kind);
  if (!availability.available) process.stderr.write(`skipped: ${name}: ${availability.reason}\n`);
  describe.skipIf(!availability.available)(name, tests);
}

export interface ControlPlaneOptions {
  /**
   * Definitions of resources, as YAML or JSON, established before the controllers start: the garbage collector looks for new
   * kinds every 30 s only, and until then removes nothing that they own.
   */
  definitions?: readonly string[];
  /** More of them. */
  controllerManagerFlags?: readonly string[];
  /** False: API server and etcd alone; namespaces have no ServiceAccount then, and nothing is collected. Default true. */
  controllers?: boolean;
}

/**
 * etcd, API server and controllers as processes on free ports of 127.0.0.1, without root; several at once do not meet.
 * With KCG_TEST_KUBECONFIG it is the cluster that file names, and `stop` leaves it alone.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const found = findControlPlane();
  if (!found) throw new Error(controlPlaneProblem());
  if (found.from === 'kubeconfig') {
    const kubectl = kubectlOf(['kubectl'], found.path);
    await establish(kubectl, options);
    return { kubeconfig: found.path, kubectl, stop: async () => {} };
  }
  for (let attempt = 1; ; attempt += 1) {
    const group = new ProcessGroup('kcg-control-plane-');
    try {
      return await startIn(group, found.programs, options);
    } catch (error) {
      await group.stop();
      // A port that was free a moment ago may be someone else's by now.
      const message = error instanceof Error ? error.message : '';
      if (attempt === 3 || !message.includes('address already in use')) throw error;
    }
  }
}

async function startIn(
  group: ProcessGroup,
  programs: ControlPrograms,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const { folder } = group;
  const [clientPort, peerPort, apiPort] = [await lastingPort(), await lastingPort(), await lastingPort()];
  group.start('etcd', [...programs.etcd, ...etcdFlags(folder, clientPort, peerPort)]);
  writeKeys(folder);
  group.start('apiserver', [...programs.apiserver, ...apiserverFlags(folder, clientPort, apiPort)]);
  await group.waitFor('the API server', READY_SECONDS, () => isReady(apiPort));
  const kubeconfig = join(folder, 'kubeconfig');
  const authority = readFileSync(join(folder, 'pki/apiserver.crt'));
  writeFileSync(kubeconfig, kubeconfigOf(`https://127.0.0.1:${apiPort}`, authority));
  const kubectl = kubectlOf(programs.kubectl, kubeconfig);
  await establish(kubectl, options);
  if (programs.controllerManager && options.controllers !== false) {
    group.start('controller-manager', [
      ...programs.controllerManager,
      ...controllerManagerFlags(folder, kubeconfig),
      ...(options.controllerManagerFlags ?? []),
    ]);
    const account = ['get', 'serviceaccount', 'default'];
    const isThere = async () => (await kubectl(account)).code === 0;
    await group.waitFor('the default ServiceAccount', READY_SECONDS, isThere);
  }
  return { kubeconfig, kubectl, stop: () => group.stop() };
}

async function establish(kubectl: Kubectl, { definitions = [] }: ControlPlaneOptions): Promise<void> {
  for (const definition of definitions) {
    const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
    const { code, stderr } = await kubectl(apply, definition);
    if (code !== 0) throw new Error(`the definition is not taken: ${stderr}`);
  }
  for (const document of definitions.flatMap((definition) => parseAllDocuments(definition))) {
    const object = document.toJS() as { metadata: { name: string } } | null;
    if (object) await untilServed(kubectl, object.metadata.name);
  }
}

/** Objects of a kind can be made a moment after its definition is established: only then does kubectl find it. */
export async function untilServed(kubectl: Kubectl, name: string): Promise<void> {
  const get = () => kubectl(['get', name, '--all-namespaces']);
  await until(`${name} to be served`, async () => (await get()).code === 0, READY_SECONDS, get);
}

/** Keys for the tokens of ServiceAccounts, and the administrator's token. */
function writeKeys(folder: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(join(folder, 'sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(folder, 'tokens.csv'), `${TOKEN},admin,admin,system:masters\n`);
}

function etcdFlags(folder: string, clientPort: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    '--name=e',
    `--data-dir=${folder}/etcd`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=e=${peer}`,
  ];
}

function apiserverFlags(folder: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}/pki`,
    `--token-auth-file=${folder}/tokens.csv`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.99.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${folder}/sa.key`,
    `--service-account-key-file=${folder}/sa.pub`,
    '--endpoint-reconciler-type=none',
    '--profiling=false',
  ];
}

function controllerManagerFlags(folder: string, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    '--secure-port=0',
    `--service-account-private-key-file=${folder}/sa.key`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ];
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
      timeout: 10_000,
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
