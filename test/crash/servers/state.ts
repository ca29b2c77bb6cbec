import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTagsOfResourceCommand,
  ScanCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { KINDS, type StoredObject } from '../../../src/kubernetes/cluster.ts';
import type { KubeCluster } from '../../../src/kubernetes/kube/cluster.ts';
import type { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { decodeItem } from '../../../src/leases/dynamodb/item.ts';
import { CLAIM_KEY } from '../../../src/leases/row.ts';
import { less, OF_THE_WAY, textOf, withoutMoments } from '../end-state.ts';

export interface Servers {
  cluster: KubeCluster;
  dynamodb: DynamoDBClient;
  kinesis: MemoryKinesis;
}

const NO_NAMES = new Map<string, string>();
/** What others write, and what counts how often something was written. */
const OF_OTHERS = new Set([
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'deployment.kubernetes.io/revision',
  // Of what is compared itself, with names and addresses in it.
  'kcg.dev/content-hash',
  'kcg.dev/template-hash',
  // It counts from what the rows of workers before say.
  'kcg.dev/revision',
]);
/** The name of this tag says whose the tags are. */
const TAGS_OF = /^(kcg\.dev\/tags-).*/;
/** Of workers that end together, one may give a shard to another that has just given all of its own away: it is free a lease later. */
const OWNER = / (owned|of nobody)(?= |$)/;
const ADDRESS = /127\.0\.0\.1:\d+/g;
/** Of a table: what says when, and what it holds. */
const OF_A_TABLE = new Set([
  'CreationDateTime',
  'TableId',
  'TableArn',
  'ItemCount',
  'TableSizeBytes',
  'LastUpdateToPayPerRequestDateTime',
  'LastUpdateDateTime',
]);

interface Conditions {
  conditions?: { type: string; status: string; reason: string }[];
}
/** They judge positions over some time, which is another time in each run. */
const JUDGEMENTS = /^(ShardsProgressing|LagWithinTarget|CheckpointsAtRisk)$/;
const conditionsOf = ({ status }: StoredObject) =>
  ((status ?? {}) as Conditions).conditions
    ?.filter(({ type }) => !JUDGEMENTS.test(type))
    .map(({ type, status, reason }) => `${type}=${status}/${reason}`)
    .sort() ?? [];

/**
 * What there is of one group that has a namespace, a table and a stream of its own, line by line; the same for the same things,
 * whatever the namespace is called.
 */
export async function stateOf(servers: Servers, namespace: string): Promise<string[]> {
  const [objects, table] = await Promise.all([
    objectLines(servers.cluster, namespace),
    tableLines(servers.dynamodb, `kinesis-checkpoints-${namespace}-orders`),
  ]);
  const { consumers } = servers.kinesis.stream(namespace);
  const registered = consumers.list(servers.kinesis.clock.now());
  const isRead = objects.some((line) => /^pods [1-9]/.test(line));
  const rows = table.map((line) => (isRead ? line : line.replace(OWNER, '')));
  const lines = [...objects, ...rows, ...registered.map(({ name, status }) => `consumer ${name} ${status}`)];
  const same = (line: string) =>
    withoutMoments(line, NO_NAMES).replaceAll(namespace, '<namespace>').replaceAll(ADDRESS, '<address>');
  return lines.map(same).sort();
}

async function objectLines(cluster: KubeCluster, namespace: string): Promise<string[]> {
  const kinds = [
    KINDS.consumerGroup,
    KINDS.offsetReset,
    KINDS.deployment,
    KINDS.podDisruptionBudget,
    KINDS.pod,
  ];
  const [groups, resets, deployments, budgets, pods] = await Promise.all(
    kinds.map((kind) => cluster.list(kind, { namespace })),
  );
  const plain = ({ metadata, spec }: StoredObject) => textOf(less({ metadata, spec }, OF_OTHERS));
  return [
    ...groups!.map((group) => {
      const { metadata, spec, status = {} } = group;
      const { replicas, observedGeneration } = status as { replicas?: number; observedGeneration?: number };
      const seen = observedGeneration === metadata.generation ? 'seen' : 'not seen';
      return `group ${plain(group)} ${textOf(spec)} ${seen} ${replicas} ${conditionsOf(group).join(' ')}`;
    }),
    ...resets!.map((reset) => `reset ${reset.metadata.name} ${conditionsOf(reset).join(' ')}`),
    ...deployments!.map((deployment) => `deployment ${plain(deployment)}`),
    ...budgets!.map((budget) => `budget ${plain(budget)}`),
    `pods ${pods!.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length}`,
  ];
}

async function tableLines(client: DynamoDBClient, TableName: string): Promise<string[]> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    const [ttl, backups, tags, rows] = await Promise.all([
      client.send(new DescribeTimeToLiveCommand({ TableName })),
      client.send(new DescribeContinuousBackupsCommand({ TableName })),
      client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn })),
      client.send(new ScanCommand({ TableName })),
    ]);
    const { PointInTimeRecoveryStatus } =
      backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription ?? {};
    return [
      `table ${textOf(less(Table, OF_A_TABLE))}`,
      `table's TTL ${textOf(ttl.TimeToLiveDescription)}, backups ${PointInTimeRecoveryStatus}`,
      `table's tags ${textOf(tags.Tags?.map(({ Key, Value }) => `${Key?.replace(TAGS_OF, '$1*')}=${Value}`).sort())}`,
      ...(rows.Items ?? []).flatMap((item) => rowLine(decodeItem(item as never))),
    ];
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'ResourceNotFoundException') return [];
    throw thrown;
  }
}

/** Workers come and go; whether a row goes by itself one day counts, not when. */
function rowLine(row: ReturnType<typeof decodeItem>): string[] {
  if (row === undefined || row.shard_id.startsWith('worker#')) return [];
  if (row.shard_id === CLAIM_KEY) return [`claim ${textOf(less(row, OF_THE_WAY))}`];
  const { shard_id, sequence, ref, ttl } = row as Record<string, unknown>;
  const at = /^\d+$/.test(String(sequence)) ? 'at a record' : String(sequence);
  // A worker has shards that were read to their end expire, when it comes to it.
  const expires = ttl !== undefined && at !== 'SHARD_END';
  const owner = ref === undefined ? 'of nobody' : 'owned';
  return [`row ${String(shard_id)} ${at} ${owner}${expires ? ' expires' : ''}`];
}
