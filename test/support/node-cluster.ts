import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { CLUSTER_HOME } from '../cluster/find-programs.ts';
import { startClusterDns } from './cluster-dns.ts';
import { kubectlOf, type Kubectl } from './kubectl.ts';

const run = promisify(execFile);
const SCRIPTS = join(import.meta.dirname, '../cluster');
const BIN = join(CLUSTER_HOME, 'bin');
const SOCKET = join(CLUSTER_HOME, 'run/containerd.sock');
/** Of the second node, when there is one. */
const SECOND_SOCKET = join(CLUSTER_HOME, 'run/node2/containerd.sock');

/** A pod reaches a port of this machine's 127.0.0.1 by this address. */
export const HOST_SEEN_FROM_PODS = '10.96.0.2';

/** What the hook that starts one may take, ms: the tests of another checkout may have theirs before. */
export const NODE_UP_MS = 1_800_000;

const DNS_ADDRESS = '10.96.0.10';

export interface NodeClusterOptions {
  /** Services have names, which stand for the addresses of their pods: their ports have to be those of the pods. */
  dns?: boolean;
}

export interface NodeCluster {
  kubeconfig: string;
  kubectl: Kubectl;
  helm(...args: string[]): Promise<string>;
  importImage(archive: string): Promise<void>;
  /** One more name for an image that is there. */
  tagImage(name: string, other: string): Promise<void>;
  /**
   * Runs shell lines with this cluster's kubectl and helm, up to the first that fails; what they printed.
   * `helmInstall`: flags that `helm install` gets beside.
   */
  shell(lines: string, options: ShellOptions): Promise<string>;
  /** A second node, `node2`, with the images of `archives`. */
  addNode(archives: readonly string[]): Promise<void>;
  /** The second node loses its power: all that ran there is gone at once, and nobody was told. */
  loseNode(): Promise<void>;
  /** Process id of the second node's kubelet. */
  secondKubelet(): number;
  /** Process id on this machine of a pod's container. */
  pidOf(pod: { namespace: string; name: string; container: string }): Promise<number>;
  stop(): Promise<void>;
}

export interface ShellOptions {
  cwd: string;
  env: Readonly<Record<string, string>>;
  helmInstall: readonly string[];
}

/**
 * A whole Kubernetes with a kubelet, up in seconds. There is one per machine: a second test run waits for it, and it goes
 * down with this process, however that ends.
 */
export async function startNodeCluster(options: NodeClusterOptions = {}): Promise<NodeCluster> {
  mkdirSync(CLUSTER_HOME, { recursive: true });
  const script = 'bash "$1/down" >&2; bash "$1/up" >&2 && echo up && cat >/dev/null; bash "$1/down" >&2';
  const lock = join(CLUSTER_HOME, 'node.lock');
  const guard = spawn('flock', [lock, 'bash', '-c', script, 'guard', SCRIPTS], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, WITH_DNS: options.dns ? '1' : '' },
    detached: true, // Ctrl-C is for this process; the guard then sees its input end
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  let said = '';
  guard.stderr.on('data', (chunk) => (said += chunk));
  const up = createInterface({ input: guard.stdout });
  const isUp = new Promise<boolean>((resolve) => {
    up.once('line', () => resolve(true));
    void ended.then(() => resolve(false));
  });
  if (!(await isUp)) throw new Error(`the test cluster did not come up:\n${said}`);
  const kubeconfig = join(CLUSTER_HOME, 'run/admin.kubeconfig');
  const ctrOf = async (socket: string, args: readonly string[]) =>
    (await run(join(BIN, 'ctr'), ['-a', socket, '-n', 'k8s.io', ...args])).stdout;
  const ctr = (...args: string[]) => ctrOf(SOCKET, args);
  const tasks = async () => {
    const sockets = [SOCKET, ...(existsSync(SECOND_SOCKET) ? [SECOND_SOCKET] : [])];
    return (await Promise.all(sockets.map((socket) => ctrOf(socket, ['tasks', 'ls'])))).join('\n');
  };
  const kubectl = kubectlOf([join(BIN, 'hk'), 'kubectl'], kubeconfig);
  const dns = options.dns ? await startClusterDns(DNS_ADDRESS, kubeconfig) : undefined;
  return {
    kubeconfig,
    kubectl,
    async helm(...args) {
      const { stdout } = await run(join(BIN, 'helm'), args, {
        env: { ...process.env, KUBECONFIG: kubeconfig },
      });
      return stdout;
    },
    async importImage(archive) {
      await ctr('images', 'import', '--local', archive);
    },
    async tagImage(name, other) {
      await ctr('images', 'tag', name, other);
    },
    async shell(lines, { cwd, env, helmInstall }) {
      const programs = [
        `kubectl() { '${BIN}/hk' kubectl "$@"; }`,
        `helm() { if [ "$1" = install ]; then set -- "$@" ${helmInstall.map((flag) => `'${flag}'`).join(' ')}; fi; '${BIN}/helm' "$@"; }`,
      ];
      const { PATH = '' } = process.env;
      const { stdout } = await run('bash', ['-ec', [...programs, lines].join('\n')], {
        cwd,
        // kubectl and helm keep caches at home.
        env: { PATH, HOME: join(CLUSTER_HOME, 'run'), KUBECONFIG: kubeconfig, ...env },
      });
      return stdout;
    },
    async addNode(archives) {
      await run('bash', [join(SCRIPTS, 'add-node'), ...archives]);
    },
    async loseNode() {
      await run('bash', [join(SCRIPTS, 'lose-node')]);
    },
    secondKubelet: () => Number(readFileSync(join(CLUSTER_HOME, 'run/pids/kubelet2'), 'utf8')),
    async pidOf({ namespace, name, container }) {
      const path = `{.status.containerStatuses[?(@.name=="${container}")].containerID}`;
      const { stdout } = await kubectl(['get', 'pod', name, '-n', namespace, '-o', `jsonpath=${path}`]);
      const id = stdout.replace('containerd://', '');
      const line = (await tasks()).split('\n').find((task) => id !== '' && task.startsWith(id));
      if (line === undefined)
        throw new Error(`no process for container ${container} of pod ${namespace}/${name}`);
      return Number(line.trim().split(/\s+/)[1]);
    },
    async stop() {
      await dns?.close();
      guard.stdin.end();
      await ended;
    },
  };
}
