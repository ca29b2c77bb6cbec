import type { KinesisConsumerGroup } from '../api/group.ts';
import { parseGroup, streamNameOf } from '../api/group.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { AwsAccount } from '../operator/aws-account.ts';
import { KINDS, type KubeObject } from '../kubernetes/cluster.ts';
import { MemoryCluster } from '../kubernetes/memory/cluster.ts';
import { runOperator } from '../operator/operator.ts';
import { httpNudge } from '../runtime/leasing/nudge.ts';
import { startLocalDynamoDb } from './dynamodb/server.ts';
import { startLocalKinesis } from './kinesis/server.ts';
import { ProcessPods } from './pods/process-pods.ts';
import type { ServerCertificate } from './tls/certificate.ts';

export interface LocalModeOptions {
  clock: Clock;
  random: Random;
  log: Log;
  aws: AwsAccount;
  /** Program and arguments that run `kcg worker`. */
  workerCommand: readonly string[];
  /** Shards of a stream that local mode creates. */
  shards: number;
  kinesisPort?: number;
  dynamodbPort?: number;
  /** With it both servers answer TLS, too. */
  certificate?: ServerCertificate | undefined;
  onWorkerLine: (pod: string, line: string) => void;
}

export interface LocalMode {
  cluster: MemoryCluster;
  kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;
  dynamodb: Awaited<ReturnType<typeof startLocalDynamoDb>>;
  pods: ProcessPods;
  /** As `kubectl apply` would; creates the group's stream when it is not there. */
  apply(group: KinesisConsumerGroup): Promise<void>;
  /** Workers drain, then the operator and the servers stop. */
  stop(): Promise<void>;
}

/** How often the operator looks at the rows; a table of one's own costs nothing. */
const POLL_MS = 1_000;

/** What the SDK needs to sign with; the local servers take any key. */
export const LOCAL_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

/** Operator and workers as they run in a cluster, with processes in place of pods, against servers on loopback. */
export async function startLocalMode(options: LocalModeOptions): Promise<LocalMode> {
  const { clock, random, log, certificate } = options;
  const kinesis = await startLocalKinesis({ clock, log, certificate, port: options.kinesisPort ?? 0 });
  const dynamodbPort = options.dynamodbPort ?? 0;
  const dynamodb = await startLocalDynamoDb({ clock, log, certificate, port: dynamodbPort }).catch(
    async (error: unknown) => {
      await kinesis.close();
      throw error;
    },
  );
  const cluster = new MemoryCluster({ clock, random, admit: admitGroup });
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
      options: { workerImage: 'local', defaultRegion: 'us-east-1', pollMs: POLL_MS },
    },
    stopOperator.signal,
  );
  return {
    cluster,
    kinesis,
    dynamodb,
    pods,
    async apply(group) {
      const name = streamNameOf(group);
      if (!kinesis.kinesis.listStreams().includes(name)) {
        kinesis.kinesis.createStream({ name, shardCount: options.shards });
        while (kinesis.kinesis.describe(name).status === 'CREATING') await clock.sleep(50);
      }
      // The group's own account has no part in this: its ARN is another name for the stream made here.
      if (group.spec.stream.arn !== undefined)
        kinesis.kinesis.stream(name).aliases.add(group.spec.stream.arn);
      const endpoints = { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint };
      const { name: groupName, namespace, labels, annotations } = group.metadata;
      const local: KubeObject = {
        apiVersion: group.apiVersion,
        kind: group.kind,
        metadata: { name: groupName, namespace, labels, annotations },
        spec: { ...group.spec, endpoints, template: localTemplate(group) },
      };
      await cluster.apply(KINDS.consumerGroup, local, { fieldManager: 'kubectl', force: true });
    },
    async stop() {
      stopPods.abort();
      await podsRunning;
      stopOperator.abort();
      await operatorRunning;
      await Promise.all([kinesis.close(), dynamodb.close()]);
    },
  };
}

/** Containers that a cluster would need images for; here only the worker's own process runs. */
function localTemplate({ spec }: KinesisConsumerGroup): Record<string, unknown> {
  const given = spec.template as { spec?: { containers?: { name: string }[] } } | undefined;
  const containers = given?.spec?.containers ?? [];
  const name = spec.handler.module?.container ?? spec.handler.http?.container;
  if (name === undefined || containers.some((container) => container.name === name)) return { ...given };
  return { ...given, spec: { ...given?.spec, containers: [...containers, { name, image: 'local' }] } };
}

/** What the API server's schema does with a group. */
function admitGroup(object: KubeObject): readonly string[] {
  if (object.kind !== KINDS.consumerGroup.kind) return [];
  const parsed = parseGroup(object);
  return parsed.outcome === 'refused' ? parsed.problems : [];
}
