import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { createLog, type Log } from '../lib/log.ts';
import { parseOptions } from '../lib/options.ts';
import { systemRandom } from '../lib/random.ts';
import { keyString, type Cluster, type ObjectKey } from '../kubernetes/cluster.ts';
import { candidateIdentity, hasPodEnded, markLeaderPod } from '../kubernetes/candidate.ts';
import { KubeCluster, type KubeClusterOptions } from '../kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../kubernetes/kube/config.ts';
import {
  runAsLeader,
  type LeaderElectionEvent,
  type LeaderElectionOptions,
} from '../kubernetes/leader-election.ts';
import { runOperator, type OperatorOptions, type Work } from '../operator/operator.ts';
import { OperatorMetrics } from '../operator/operator-metrics.ts';
import { startOperatorServer } from '../operator/operator-server.ts';
import { whyHung, type SignsOfLife } from '../operator/why-hung.ts';
import { httpListen } from '../runtime/leasing/changes.ts';
import { httpNudge } from '../runtime/leasing/nudge.ts';
import { sdkAwsAccount } from './operator/aws-account.ts';
import { operatorOptions, type Options } from './operator/operator-options.ts';
import { OperatorDashboard } from './dashboard.ts';
import { openTelemetry } from './telemetry.ts';

/** It stands in claims, in the annotation that takes one over, and in external ids. */
const CLUSTER_ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;

function workerImageOf({ workerImage }: Options): string {
  if (workerImage !== undefined) return workerImage;
  throw new KcgError('InvalidInput', 'the image of the workers is not set', {
    fix: 'Set --worker-image or KCG_WORKER_IMAGE to the image of kcg.',
  });
}

function clusterOf(
  options: Options,
  {
    access,
    podName,
    metrics,
    log,
  }: { access: KubeAccess; podName: string; metrics: OperatorMetrics; log: Log },
): KubeCluster {
  return new KubeCluster({
    access,
    clock: systemClock,
    random: systemRandom,
    log: log.child({ component: 'kubernetes' }),
    instance: podName,
    ...clusterSettings(options),
    onRequest: metrics.onRequest,
    onReflector: metrics.onReflector,
  });
}

function clusterSettings({ clusterId }: Options): Pick<KubeClusterOptions, 'qps' | 'burst' | 'clusterId'> {
  if (clusterId === undefined || CLUSTER_ID.test(clusterId)) return { ...REQUESTS, clusterId };
  throw new KcgError('InvalidInput', `${JSON.stringify(clusterId)} is no id of a cluster`, {
    fix: 'Set --cluster-id or KCG_CLUSTER_ID to at most 63 letters, digits and . _ -, or to nothing.',
  });
}

/** Of the Kubernetes API a second: as many groups come up at once as are applied at once, and the server has its own limits. */
const REQUESTS = { qps: 200, burst: 400 };
/** How workers are called. */
const WORKERS = { nudge: httpNudge, listen: httpListen };

/**
 * `kcg operator`: runs until `stop` aborts.
 * @returns 0, or 1 when leadership was lost: the process should start anew
 */
export async function runOperatorCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(operatorOptions, argv, env);
  const workerImage = workerImageOf(options);
  const log = createLog(options.logLevel);
  const access = loadKubeAccess({ kubeconfig: options.kubeconfig, context: options.context, env });
  const podName = options.podName ?? 'kcg-operator';
  const metrics = new OperatorMetrics();
  const cluster = clusterOf(options, { access, podName, metrics, log });
  const { registry } = metrics;
  const about = { service: 'kcg-operator', instance: podName, ...options, registry, log } as const;
  const telemetry = await openTelemetry(env, undefined, about);
  const aws = sdkAwsAccount(systemClock);
  let isReady = false;
  let lostAtMs: number | undefined;
  const server = await startOperatorServer({
    port: options.httpPort,
    isReady: () => isReady,
    whyHung: () => hangs(log, { heardAtMs: cluster.heardAtMs, lostAtMs }),
    metrics: () => metrics.registry.metrics(),
  });
  log.info('operator started', { port: server.port, server: access.server, image: workerImage });
  const leaseKey = { namespace: options.namespace ?? access.namespace, name: options.leaseName };
  const settings = settingsOf(options, workerImage, leaseKey);
  const pod = { namespace: leaseKey.namespace, name: podName, uid: options.podUid };
  const dashboard = options.dashboard ? new OperatorDashboard(options) : undefined;
  const onFollowing = (leader: string) => dashboard?.leading(false, leader);
  const election = electionOf({ cluster, key: leaseKey, pod, settings, log, onFollowing });
  try {
    if (dashboard) log.info('dashboard', { url: await dashboard.serve(cluster) });
    await runOperator(
      {
        cluster,
        aws,
        clock: systemClock,
        random: systemRandom,
        log,
        ...WORKERS,
        options: settings,
        // One that waits to lead is as ready as it gets: a rollout goes on, and the old leader gives way.
        onReady: (groups) => {
          isReady = true;
          metrics.onGroups(groups);
          dashboard?.onReady(groups);
        },
        onReconcile: metrics.onReconcile,
        onQueue: metrics.onQueue,
        onJudged: metrics.onJudged,
        onLook: dashboard?.onLook,
        lead: async (work) => {
          const counted = telling(work, (leads) => {
            for (const each of [metrics, dashboard]) each?.leading(leads);
          });
          if (!options.leaderElect) return counted(stop, () => true);
          if ((await runAsLeader(election, stop, counted)) === 'lost') lostAtMs = systemClock.monotonic();
        },
      },
      stop,
    );
    return lostAtMs === undefined ? 0 : 1;
  } finally {
    await dashboard?.close();
    aws.close();
    await cluster.close();
    await server.close();
    await telemetry.stop();
  }
}

/** As `whyHung`; the log says it, as the kubelet does not. */
function hangs(log: Log, signs: Omit<SignsOfLife, 'nowMs'>): string | undefined {
  const why = whyHung({ nowMs: systemClock.monotonic(), ...signs });
  if (why !== undefined) log.error('this process hangs', { why });
  return why;
}

/** The same work; `tell` hears when it begins and when it ends. */
function telling(work: Work, tell: (leads: boolean) => void): Work {
  return async (signal, leads) => {
    tell(true);
    await work(signal, leads).finally(() => tell(false));
  };
}

function electionOf({
  cluster,
  key,
  pod,
  settings: { namespaces },
  log,
  onFollowing,
}: Pick<LeaderElectionOptions, 'key'> & {
  settings: OperatorOptions['options'];
  cluster: Cluster;
  pod: ObjectKey & { uid: string | undefined };
  log: Log;
  onFollowing: (leader: string) => void;
}): LeaderElectionOptions {
  let marked = Promise.resolve();
  const mark = (leads: boolean) => {
    if (pod.uid === undefined) return;
    // One after the other, so that the last holds.
    marked = marked
      .then(() => markLeaderPod(cluster, pod, leads))
      .catch((thrown: unknown) => log.debug('cannot mark the pod of the leader', { error: String(thrown) }));
  };
  // A container that starts again in its pod leads no longer.
  mark(false);
  const onEvent = (event: LeaderElectionEvent) => {
    logElection(log, event);
    if (event.type === 'leading') mark(true);
    if (event.type === 'following') onFollowing(event.leader);
  };
  return {
    cluster,
    clock: systemClock,
    random: systemRandom,
    key,
    identity: candidateIdentity(pod, randomUUID()),
    namespaces,
    hasEnded: (holder, signal) => hasPodEnded(cluster, { namespace: pod.namespace, holder, signal }),
    onEvent,
  };
}

function settingsOf(options: Options, workerImage: string, lease: ObjectKey): OperatorOptions['options'] {
  const { defaultRegion, kinesisEndpoint, dynamodbEndpoint, watchNamespaces } = options;
  const { sqsEndpoint, snsEndpoint, s3Endpoint, workerOtlpEndpoint } = options;
  const namespaces = watchNamespaces.map((name) => name.trim()).filter((name) => name !== '');
  const instance = options.leaderElect ? keyString(lease) : undefined;
  return {
    instance,
    workerImage,
    defaultRegion,
    kinesisEndpoint,
    dynamodbEndpoint,
    sqsEndpoint,
    snsEndpoint,
    s3Endpoint,
    workerOtlpEndpoint,
    namespaces,
  };
}

function logElection(log: Log, event: LeaderElectionEvent): void {
  switch (event.type) {
    case 'leading':
    case 'released':
      return log.info('leader election', { state: event.type });
    case 'following':
      return log.info('leader election', { state: event.type, leader: event.leader });
    case 'failed':
      return log.warn('leader election failed', { error: event.error.message });
    case 'lost':
      return log.error('leadership lost', { reason: event.reason });
  }
}
