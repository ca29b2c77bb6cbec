import type { ConditionStatus, ReasonOf } from '../../api/conditions.ts';
import { isReading, type KinesisConsumerGroup } from '../../api/group.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import type { Shard } from '../../kinesis/shard.ts';
import type { StreamConsumer, StreamSummary } from '../../kinesis/stream-client.ts';
import type { KcgError } from '../../lib/errors.ts';
import type { GroupView } from '../../view/group-view.ts';
import type { ClaimVerdict } from './judge-claim.ts';
import type { ImportFacts } from '../position-import.ts';
import type { LimitedBy, ReplicasDecision } from './scaling/desired-replicas.ts';

/** What one pass found out about a group and did for it: all that a status is made of. */
export interface GroupFacts {
  group: Pick<KinesisConsumerGroup, 'metadata' | 'spec'>;
  groupId: string;
  region: string | undefined;
  /** Why the role in the spec is not used, and so nothing is done in AWS; undefined = it is, or there is none. */
  roleProblem?: string | undefined;
  stream: StreamFacts;
  table: TableFacts | undefined;
  /** Undefined = the group polls, or its stream is not known yet. */
  consumer: ConsumerFacts | undefined;
  claim: ClaimFacts | undefined;
  /** `none`: the group has nothing to do with one. Undefined = not known yet. */
  imported: ImportFacts | 'none' | undefined;
  workload: WorkloadFacts;
  /** All of the group's range is processed; undefined = not known. */
  isComplete?: boolean | undefined;
  /** What of it was gone before the group was there, in words. */
  rangeGone?: string | undefined;
  /** Who moves the positions right now, for people; undefined = nobody. */
  resetBy?: string | undefined;
  /** Undefined = the rows could not be read yet. */
  view: GroupView | undefined;
  /** Rows of shards that are not ended and carry a time to live all the same. */
  expiringShards: readonly string[];
  scaling: ReplicasDecision | undefined;
  failures: readonly StepFailure[];
  lastScale: LastScale | undefined;
  lastFailover: LastFailover | undefined;
}

type Scaling = NonNullable<GroupStatus['scaling']>;
export type LastScale = NonNullable<Scaling['lastScale']>;
export type LastFailover = NonNullable<NonNullable<GroupStatus['leases']>['lastFailover']>;

/** The last good answers, and why there is no newer one. */
export interface StreamFacts {
  summary: StreamSummary | undefined;
  shards: readonly Shard[] | undefined;
  error: KcgError | undefined;
}

/** The stream consumer that the group reads with, as it was found last, and why there is no newer answer. */
export interface ConsumerFacts {
  name: string;
  /** Undefined = not found or registered yet. */
  arn: string | undefined;
  status: StreamConsumer['status'] | undefined;
  /** kcg has registered it for this group, and removes it with the group. */
  isMade: boolean;
  error: KcgError | undefined;
}

export interface TableFacts {
  /** The condition TableReady. */
  status: ConditionStatus;
  reason: ReasonOf<'TableReady'>;
  message: string;
  /** Rows can be read and written. */
  usable: boolean;
  info: NonNullable<GroupStatus['table']>;
  /** Creation time of the table, ms since the epoch, when kcg made it for this group. */
  madeAt?: number | undefined;
  /** Whoever made it. */
  createdAt?: number | undefined;
}

export type ClaimFacts = { verdict: 'ours' } | Extract<ClaimVerdict, { verdict: 'refused' }>;

/**
 * A step that failed while the rest of the pass went on. `claim` and `pause` write the group's claim, `import`
 * its first positions, `workers` the objects in Kubernetes.
 */
export interface StepFailure {
  step: 'claim' | 'import' | 'pause' | 'reset' | 'workers';
  error: KcgError;
}

export interface WorkloadFacts {
  /** Of the Deployment; undefined = there is none. */
  deployment: DeploymentFacts | undefined;
  /** Why the objects could not be brought to what is wanted. */
  problem: { reason: WorkloadProblem; message: string } | undefined;
}

export type WorkloadProblem =
  | 'TemplateRejected'
  | 'FieldConflict'
  | 'WorkersAccessDenied'
  | 'QuotaExceeded'
  | 'ApplyFailed'
  /** What is left of an older group of this name is being removed. */
  | 'WorkersStarting';

export interface DeploymentFacts {
  replicas: number;
  /** Pods that are up to date, and ready ones of any revision. */
  updated: number;
  ready: number;
  total: number;
  /** The Deployment controller has seen the present spec. */
  observed: boolean;
  /** Somebody has paused its rollout. */
  paused: boolean;
  /** The controller could not create pods: its message. */
  failure: string | undefined;
  /** The pods of the present template have not come up within the Deployment's progress deadline. */
  stuck: boolean;
  /** The last restart that its template has been given, if any. */
  restart?: string | undefined;
}

/** How the condition ScalingLimited begins its message. */
export const LIMIT_MESSAGES: Readonly<Record<LimitedBy, string>> = {
  MinReplicas: 'scaling.minReplicas asks for more workers than there is work for',
  MaxReplicas: 'scaling.maxReplicas keeps the number of workers down',
  Shards: 'more workers than shards are asked for; the rest would do nothing',
  Stabilization: 'fewer workers would do; they are stopped when that has lasted for the stabilization time',
  Reshard: 'the stream is being resharded; the number of workers goes down after that',
  UnknownShards: 'the shards are not known at the moment, so the number of workers stays',
  UnknownLag: 'the lag is not known at the moment, so the number of workers stays',
  Measuring: 'more workers are needed; how many is not known yet',
  HotShard: 'more workers would not help',
  StuckShards: 'more workers would not help',
  NamespaceLimit: 'the namespace may have no more workers',
  Schedule: 'scaling.schedules says otherwise at this time',
};

/** Why a group that is to read has no worker, and that is well; undefined = it has, or should have. */
export function whyScaledToZero({
  group,
  scaling,
}: Pick<GroupFacts, 'group' | 'scaling'>): string | undefined {
  const { replicas, limitedBy, reason } = scaling ?? {};
  const isWanted = replicas === 0 && limitedBy !== 'UnknownShards' && limitedBy !== 'NamespaceLimit';
  return isReading(group) && isWanted ? reason : undefined;
}
