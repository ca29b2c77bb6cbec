/* Where the programs of a test cluster come from, and how they get there when they are missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The cache is outside the checkout: a build takes ten minutes and serves every checkout. */
export const CLUSTER_HOME =
  process.env['CLUSTER_HOME'] ||
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kcg/cluster');

/** `control`: an API server and its controllers. `node`: a kubelet with containers and Helm as well. */
export type ClusterKind = 'control' | 'node';

export type ClusterAvailability = { available: true } | { available: false; reason: string };

/** Command lines of the programs: a path, and the name of the command where one file holds them all. */
export interface ControlPrograms {
  etcd: string[];
  apiserver: string[];
  /** Absent in envtest's assets: Deployments make no pods there. */
  controllerManager: string[] | undefined;
  kubectl: string[];
}

export type FoundControlPlane =
  | { from: 'kubeconfig'; path: string }
  | { from: 'programs'; programs: ControlPrograms };

const DOWNLOADS = join(CLUSTER_HOME, 'download');
const HOW = 'run "npm run cluster:build" (Go 1.26, 10 minutes, once)';

/** KCG_TEST_KUBECONFIG, KUBEBUILDER_ASSETS, our own build, an official download; in this order. */
export function findControlPlane(): FoundControlPlane | undefined {
  const given = process.env['KCG_TEST_KUBECONFIG'];
  if (given) return { from: 'kubeconfig', path: given };
  const programs =
    programsIn(process.env['KUBEBUILDER_ASSETS']) ?? builtPrograms() ?? programsIn(downloadFolder());
  return programs && { from: 'programs', programs };
}

/**
 * Whether tests of this kind can run here. It may download an official release (Linux, fails fast without a network); it builds
 * only under CI=true, where a missing cluster is a failure and not a reason to skip.
 * @throws Error under CI=true when the build fails
 */
export function clusterAvailability(kind: ClusterKind): ClusterAvailability {
  let reason = kind === 'control' ? controlReason() : nodeReason();
  if (reason !== undefined && kind === 'control' && run('download')) reason = controlReason();
  if (reason === undefined) return { available: true };
  if (process.env['CI'] !== 'true') return { available: false, reason };
  const parts = kind === 'control' ? ['control'] : ['control', 'node', 'helm', 'images'];
  process.stderr.write(`building what the ${kind} tests need: ${reason}\n`);
  const built = run('build', ...parts);
  reason = kind === 'control' ? controlReason() : nodeReason();
  if (built && reason === undefined) return { available: true };
  throw new Error(`no Kubernetes for the ${kind} tests: ${reason ?? 'test/cluster/build failed'}, see above`);
}

function controlReason(): string | undefined {
  return findControlPlane() ? undefined : `there is no Kubernetes API server: ${HOW}`;
}

function nodeReason(): string | undefined {
  if (process.platform !== 'linux') return 'a node needs Linux';
  if (process.getuid?.() !== 0) return 'a node needs root: containers, cgroups and a bridge are made';
  const programs = ['hk', 'containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'cni/bridge', 'helm'];
  const missing = programs.filter((name) => !existsSync(join(CLUSTER_HOME, 'bin', name)));
  const images = ['pause.tar', 'http-go.tar'];
  missing.push(...images.filter((name) => !existsSync(join(CLUSTER_HOME, 'images', name))));
  missing.push(...['ip', 'nft', 'openssl', 'curl', 'flock'].filter((name) => !isOnPath(name)));
  return missing.length === 0 ? undefined : `${missing.join(', ')} missing: ${HOW}`;
}

function isOnPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}

function programsIn(folder: string | undefined): ControlPrograms | undefined {
  if (!folder || !existsSync(join(folder, 'kube-apiserver'))) return undefined;
  const manager = join(folder, 'kube-controller-manager');
  return {
    etcd: [join(folder, 'etcd')],
    apiserver: [join(folder, 'kube-apiserver')],
    controllerManager: existsSync(manager) ? [manager] : undefined,
    kubectl: [join(folder, 'kubectl')],
  };
}

function builtPrograms(): ControlPrograms | undefined {
  const all = join(CLUSTER_HOME, 'bin/hk');
  if (!existsSync(all)) return undefined;
  return {
    etcd: [all, 'etcd'],
    apiserver: [all, 'kube-apiserver'],
    controllerManager: [all, 'kube-controller-manager'],
    kubectl: [all, 'kubectl'],
  };
}

/** The newest release that `download` has put there completely: it renames the folder last. */
function downloadFolder(): string | undefined {
  if (!existsSync(DOWNLOADS)) return undefined;
  const releases = readdirSync(DOWNLOADS).filter((name) => /^v1\.\d+\.\d+$/.test(name));
  const newest = releases.sort().at(-1);
  return newest && join(DOWNLOADS, newest);
}

function run(script: 'build' | 'download', ...args: string[]): boolean {
  const path = join(import.meta.dirname, script);
  return spawnSync('bash', [path, ...args], { stdio: ['ignore', 2, 2] }).status === 0;
}
