import type { KinesisConsumerGroup } from '../api/group.ts';
import { streamNameOf } from '../api/group.ts';
import type { MemoryCluster } from '../kubernetes/memory/cluster.ts';
import { startLocalDynamoDb } from './dynamodb/server.ts';
import { startLocalKinesis } from './kinesis/server.ts';
import { startLocalCluster, type LocalClusterOptions } from './local-cluster.ts';
import type { ProcessPods } from './pods/process-pods.ts';
import type { ServerCertificate } from './tls/certificate.ts';

export interface LocalModeOptions extends LocalClusterOptions {
  /** Shards of a stream that local mode creates. */
  shards: number;
  kinesisPort?: number;
  dynamodbPort?: number;
  /** With it both servers answer TLS, too. */
  certificate?: ServerCertificate | undefined;
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

/** What the SDK needs to sign with; the local servers take any key. */
export const LOCAL_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' };

/** Operator and workers as they run in a cluster, with processes in place of pods, against servers on loopback. */
export async function startLocalMode(options: LocalModeOptions): Promise<LocalMode> {
  const { clock, log, certificate } = options;
  const kinesis = await startLocalKinesis({ clock, log, certificate, port: options.kinesisPort ?? 0 });
  const dynamodbPort = options.dynamodbPort ?? 0;
  const dynamodb = await startLocalDynamoDb({ clock, log, certificate, port: dynamodbPort }).catch(
    async (error: unknown) => {
      await kinesis.close();
      throw error;
    },
  );
  const local = startLocalCluster(options);
  return {
    cluster: local.cluster,
    pods: local.pods,
    kinesis,
    dynamodb,
    async apply(group) {
      const name = streamNameOf(group);
      if (!kinesis.kinesis.listStreams().includes(name)) {
        kinesis.kinesis.createStream({ name, shardCount: options.shards });
        await kinesis.kinesis.whenCreated(name);
      }
      // The group's own account has no part in this: its ARN is another name for the stream made here.
      if (group.spec.stream.arn !== undefined)
        kinesis.kinesis.stream(name).aliases.add(group.spec.stream.arn);
      await local.apply(group, { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint });
    },
    async stop() {
      await local.stop();
      await Promise.all([kinesis.close(), dynamodb.close()]);
    },
  };
}
