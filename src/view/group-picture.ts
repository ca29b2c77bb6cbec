import type { KinesisConsumerGroup } from '../api/group.ts';
import type { GroupStatus } from '../api/group-status.ts';
import type { StreamSummary } from '../kinesis/stream-client.ts';
import type { Shard } from '../kinesis/shard.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { ObservedTable } from '../table/table-admin.ts';
import type { GroupView, PodView } from './group-view.ts';

/** Where a group and its rows are. */
export interface GroupPlace {
  /** That of the rows; undefined = whichever the table holds. */
  groupId: string | undefined;
  table: string;
  /** Undefined = as AWS is configured here. */
  region: string | undefined;
  /** Undefined = not known: the table alone was named. */
  stream: { name: string; arn: string | undefined } | undefined;
  kinesis: string | undefined;
  dynamodb: string | undefined;
}

/** What one could not be asked about, and why. */
export interface Unknown {
  what: 'Kubernetes' | 'pods' | 'Events' | 'table' | 'rows' | 'stream';
  why: string;
  /** It was asked for, and is not there. */
  isMissing?: boolean;
}

export interface EventView {
  /** Ms since the epoch; the last time. */
  at: number;
  type: string;
  reason: string;
  note: string;
  count: number;
  /** `Pod/orders-worker-a`. */
  regarding: string;
}

/** All that is known of one group at one moment, whoever said it. */
export interface GroupPicture {
  /** For people: `shop/orders`, or the group id where there is no resource. */
  title: string;
  /** Undefined = there is no resource to be asked about; then all is from the table and the stream. */
  key: { namespace: string; name: string } | undefined;
  place: GroupPlace;
  /** As the API server has it; undefined = Kubernetes was not asked or did not answer. */
  object: StoredObject | undefined;
  /** As far as it can be read; undefined when only the table was named. */
  group: KinesisConsumerGroup | undefined;
  /** Why the spec cannot work. */
  refused: readonly string[];
  rows: GroupRows | undefined;
  stream: StreamSummary | undefined;
  shards: readonly Shard[] | undefined;
  table: ObservedTable | undefined;
  /** Undefined = the rows could not be read. */
  view: GroupView | undefined;
  /** Undefined = they could not be listed. */
  pods: readonly PodView[] | undefined;
  events: readonly EventView[];
  /** How long each worker's beat has been seen to stand still, ms; empty at a first look. */
  silentMs: ReadonlyMap<string, number>;
  unknown: readonly Unknown[];
  /** Wall clock, ms since the epoch. */
  nowMs: number;
}

export function statusOf({ object }: Pick<GroupPicture, 'object'>): GroupStatus {
  return object?.status ?? {};
}

/** `Running` where the spec says nothing; undefined when it is not known. */
export function desiredStateOf({ object, group, rows }: GroupPicture): string | undefined {
  const said = (object?.spec as { desiredState?: string } | undefined)?.desiredState;
  if (said !== undefined || object) return said ?? 'Running';
  if (rows?.claim?.paused) return 'Paused';
  return group?.spec.desiredState;
}
