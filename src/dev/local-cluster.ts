import type { KinesisConsumerGroup } from '../api/group.ts';
import { parseGroup } from '../api/group.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { AwsAccount } from '../operator/aws-account.ts';
import { KINDS, type KubeObject } from '../kubernetes/cluster.ts';
import { MemoryCluster } from '../kubernetes/memory/cluster.ts';
import { runOperator, type OperatorOptions } from '../operator/operator.ts';
import { httpNudge } from '../runtime/leasing/nudge.ts';
import { LOCAL_CLUSTER_ID } from './local-cluster-id.ts';
import { ProcessPods } from './pods/process-pods.ts';

export interface LocalClusterOptions {
  clock: Clock;
  random: Random;
  log: Log;
  aws: AwsAccount;
  /** Program and arguments that run `kcg worker`. */
  workerCommand: readonly string[];
  onWorkerLine: (pod: string, line: string) => void;
  /** As those of the operator. */
  onLook?: OperatorOptions['onLook'];
  onReady?: OperatorOptions['onReady'];
}

export interface LocalCluster {
  cluster: MemoryCluster;
  pods: ProcessPods;
  /** As `kubectl apply` would, with the group's endpoints replaced. */
  apply(group: KinesisConsumerGroup, endpoints: { kinesis: string; dynamodb: string }): Promise<void>;
  /** Workers drain, then the operator stops. */
  stop(): Promise<void>;
}

/** How often the operator looks at the rows; a table of one's own costs nothing. */
const POLL_MS = 1_000;

/** Operator and workers as they run in a cluster, with processes in place of pods, on any servers. */
export function startLocalCluster(options: LocalClusterOptions): LocalCluster {
  const { clock, random, log } = options;
  const cluster = new MemoryCluster({ clock, random, clusterId: LOCAL_CLUSTER_ID, admit: admitGroup });
  const pods = new ProcessPods({
    cluster,
    clock,
    random,
    command: options.workerCommand,
    onLine: options.onWorkerLine,
  });
  const stopPods = new AbortController();
  const stopOperator = new AbortController();
  const podsRunning = pods.run(stopPods.signal);
  const operatorRunning = runOperator(
    {
      cluster,
      aws: options.aws,
      clock,
      random,
      log: log.child({ component: 'operator' }),
      nudge: httpNudge,
      onLook: options.onLook,
      onReady: options.onReady,
      options: { workerImage: 'local', defaultRegion: 'us-east-1', pollMs: POLL_MS },
    },
    stopOperator.signal,
  );
  return {
    cluster,
    pods,
    async apply(group, endpoints) {
      const { name, namespace, labels, annotations } = group.metadata;
      // Its role is of an account that has no part in this.
      const { aws: _, ...spec } = group.spec;
      const local: KubeObject = {
        apiVersion: group.apiVersion,
        kind: group.kind,
        metadata: { name, namespace, labels, annotations },
        spec: { ...spec, endpoints, template: localTemplate(group) },
      };
      await cluster.apply(KINDS.consumerGroup, local, { fieldManager: 'kubectl', force: true });
    },
    async stop() {
      stopPods.abort();
      await podsRunning;
      stopOperator.abort();
      await operatorRunning;
    },
  };
}

/** Containers that a cluster would need images for; here only the worker's own process runs. */
function localTemplate({ spec }: KinesisConsumerGroup): Record<string, unknown> {
  const given = spec.template as { spec?: { containers?: { name: string }[] } } | undefined;
  const containers = given?.spec?.containers ?? [];
  const { module, exec, http, lambda } = spec.handler;
  if (lambda) {
    // The one container beside the worker's that runs here.
    const others = containers.filter(({ name }) => name !== lambda.container);
    const app = containers.find(({ name }) => name === lambda.container);
    const command = { command: lambda.command, args: undefined };
    return {
      ...given,
      spec: { ...given?.spec, containers: [{ name: lambda.container, ...app, ...command }, ...others] },
    };
  }
  const name = (module ?? exec ?? http)?.container;
  if (name === undefined || containers.some((container) => container.name === name)) return { ...given };
  return { ...given, spec: { ...given?.spec, containers: [...containers, { name, image: 'local' }] } };
}

/** What the API server's schema does with a group. */
function admitGroup(object: KubeObject): readonly string[] {
  if (object.kind !== KINDS.consumerGroup.kind) return [];
  const parsed = parseGroup(object);
  return parsed.outcome === 'refused' ? parsed.problems : [];
}
