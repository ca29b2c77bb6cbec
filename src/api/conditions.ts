import * as z from 'zod';
import { STREAM_REASONS } from './stream-reasons.ts';
import { TABLE_REASONS } from './table-reasons.ts';

/** A condition as Kubernetes' metav1.Condition has it. */
export const conditionSchema = z.object({
  type: z.string().min(1).max(316).describe('What it is about, for example Ready.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so.'),
  observedGeneration: z.int().min(0).optional().describe('Generation of the spec that it is about.'),
  lastTransitionTime: z
    .string()
    .max(40)
    .meta({ format: 'date-time' })
    .describe('When the status changed last.'),
  reason: z.string().min(1).max(1024).describe('One word for why; docs/reference.md explains each.'),
  message: z.string().max(32_768).describe('Why, for people.'),
});
export type ConditionStatus = 'True' | 'False' | 'Unknown';
export interface Condition<T extends ConditionType = ConditionType> {
  type: T;
  status: ConditionStatus;
  observedGeneration?: number | undefined;
  /** RFC 3339, whole seconds. */
  lastTransitionTime: string;
  reason: ReasonOf<T>;
  message: string;
}

const CLAIM = {
  Claimed: 'The group id belongs to this resource; nothing to do.',
  ClaimUnknown: 'The claim has not been read yet; wait for the table.',
  ClaimAccessDenied:
    'The operator may not read or write the claim; allow what the message names, in AWS or in Kubernetes.',
  ClaimUnreachable: 'The claim could not be read or written; it is tried again, and the message says why.',
  ClaimedByOtherResource:
    'Another resource of this cluster uses the same group id and table; delete one of them, unless the message says that the other is being deleted: the one that stays goes on by itself. For one in a namespace that is not watched, the message has the command that takes its claim over once it is gone. What was deleted can be applied again with another groupId.',
  ClaimedByOtherCluster:
    'Another cluster runs this group; stop it there, then run the command in the message, which sets the annotation kcg.dev/take-over: it names that claim and is followed once.',
  StreamReplaced:
    'The stream was deleted and created again, so the positions are of another stream; delete this resource with deletionPolicy Delete and apply it again to begin anew, or create one with another groupId.',
  RangeReplaced:
    'A group of this group id was deleted and left its positions, and spec.range is another now: they would tell what was not read for read. Apply the group under another name or groupId, or delete the rows, as the message says.',
} as const;

const IMPORT = {
  Imported: 'The positions of the other consumer are those of this group; nothing to do.',
  ImportNotNeeded:
    'The group had positions of its own, so checkpoints.importFrom is not used; nothing to do. Remove it when you like.',
  ImportUnknown: 'The import has not been looked at yet; wait for stream and table.',
  ImportWaiting:
    "The other consumer's rows are watched to stand still, which takes as long as its own leases last; wait a moment.",
  ImportWriting: 'The positions are being written; wait a moment.',
  ImportStopped: 'The group is stopped, so nothing is imported; set desiredState to Running.',
  SourceLive:
    'The other consumer still runs, as its rows move; stop it. The import goes on by itself once they stand still.',
  SourceNotFound:
    'What checkpoints.importFrom names does not exist; correct the name, or remove importFrom to begin at initialPosition.',
  SourceEmpty:
    'What checkpoints.importFrom names holds no position in this stream; name another one, or remove importFrom to begin at initialPosition.',
  SourceRefused:
    'The rows cannot be what checkpoints.importFrom says, or are of another stream; the message names them. Correct importFrom. Nothing was written.',
  SourceAccessDenied:
    'The operator may not read what checkpoints.importFrom names; allow what the message names (docs/install.md, IAM).',
  SourceCredentials:
    'There are no credentials that the source of the import accepts; correct the role of the operator, or the Secret.',
  SourceUnreachable: 'The source of the import did not answer; it is tried again, and the message says why.',
  WorkersRunning:
    'Workers of the group run already, although it has no position yet; the import begins once they have stopped.',
  ImportConflict:
    'Somebody else wrote positions of this group while they were imported; the message says what to do. No worker is started.',
  ImportUndoing: 'An import is being undone; run kcg import --undo again when nobody does it any more.',
} as const;

const WORKERS = {
  MinimumAvailable: 'Enough pods are ready; nothing to do.',
  WorkersStarting: 'Pods are being started or replaced; wait a moment.',
  Unschedulable: 'A pod fits on no node; look at its events, free or add capacity, or lower its requests.',
  ImagePullFailing: 'An image cannot be pulled; correct the image or the pull secret in spec.template.',
  CrashLooping: 'A container ends again and again; look at its log with kubectl logs --previous.',
  ContainerNotReady:
    'A container has ended or does not become ready, or the pod waits for something else; the message says which: look at its log, its readiness probe and the events of the pod.',
  RolloutPaused: 'Somebody has paused the rollout of the Deployment; resume it with kubectl rollout resume.',
  RolloutStuck:
    'Pods of the present template do not come up; look at the Deployment and at the events of its pods.',
  TemplateRejected: 'Kubernetes refused the pods; correct spec.template as the message says.',
  WorkersAccessDenied:
    "The operator may not look after the Deployment; allow what the message names in the role of the operator's service account.",
  QuotaExceeded: 'A resource quota of the namespace is used up; raise it, or free some of it.',
  ApplyFailed:
    'The Deployment could not be brought to what is wanted; it is tried again, and the message says why.',
  FieldConflict:
    'A Deployment of that name belongs to somebody else, as the message says; delete or rename it.',
  NoWorkersWanted:
    'The group is stopped or scaled to zero; set desiredState to Running or raise the replicas.',
} as const;

const SHARDS = {
  AllOwned: 'Every shard that can be read has a live owner; nothing to do.',
  ShardsUnknown: 'The shards or their leases could not be read yet; see StreamReady and TableReady.',
  UnownedShards:
    'Shards have no live owner. Where each worker has as many as leases.maxPerWorker allows, raise that or the replicas; else, if it lasts longer than leases.durationSeconds, look at the worker pods.',
  NoLiveWorkers: 'No worker is alive; look at WorkersAvailable and at the logs of the pods.',
  NotConsuming:
    'Nobody is to own a shard, as the message says. If that is not wanted, set desiredState to Running, or raise the replicas.',
} as const;

const HANDLER = {
  HandlerSucceeds: 'No shard waits for the handler to succeed; nothing to do.',
  HandlerUnknown: 'No worker is alive that could say; see ShardsCovered.',
  HandlerFailing:
    'The handler fails again and again on some shards, which stand still meanwhile, or give up one batch after the other where handler.retry says so; the message has its error, the log of the named pod the rest.',
  DestinationFailing:
    'What the handler failed on and was given up cannot be sent to handler.onFailure, as the message says, and its shards wait for that: correct the destination or its rights.',
} as const;

const PROGRESS = {
  ShardsAdvance: 'Every shard that is read advances or is caught up; nothing to do.',
  ProgressUnknown: 'No shard has been watched for long enough, or none can be read; wait five minutes.',
  NotConsuming:
    'No position is to move, as ShardsCovered says. If that is not wanted, set desiredState to Running, or raise the replicas.',
  ShardsSlow:
    'Some shards advance and fall behind all the same; add workers or shards, or make the handler faster.',
  ShardsStalled:
    'Records wait in some shards while the position stands; the message has the cause where it is known: see HandlerHealthy and the log of the worker that owns the shard (kcg leases).',
  ShardsStopped:
    'No living worker has had some shards for longer than a change of owner takes; see ShardsCovered and WorkersAvailable.',
  ShardsRewound:
    'The position of some shards has gone back, so records come again: a reset, a restored table or another program that writes it; if it was not you, find out who.',
} as const;

const LAG = {
  LagNormal: 'The group keeps up; nothing to do.',
  LagUnknown: 'No shard that is there now has been read; see ShardsCovered and TableReady.',
  LagExceeded:
    'The shard most behind is further behind than scaling.targetLagSeconds, or without it than half of the retention; add workers or shards, or make the handler faster.',
} as const;

const RISK = {
  CheckpointsSafe: 'No position is close to the end of the retention; nothing to do.',
  RiskUnknown: 'The positions could not be read yet; see TableReady.',
  NearRetention:
    'Less than a quarter of the retention is left for a shard; make the group faster or raise the retention of the stream now.',
  LostToRetention:
    'Records expired before they were read; reading goes on from the oldest record kept. Raise the retention of the stream.',
  TtlOnLiveRows:
    'Rows of live shards carry a time to live and would vanish; kcg removes it, stop the program that writes it.',
} as const;

const SCALING = {
  NotLimited: 'The number of workers is what the shards or the lag ask for; nothing to do.',
  MinReplicas: 'There are more workers than work because of scaling.minReplicas; lower it to save pods.',
  MaxReplicas:
    'There are fewer workers than asked for because of scaling.maxReplicas; raise it, or scaling.shardsPerWorker.',
  Shards:
    'More workers are asked for than shards can be read; they would do nothing, so they are not started.',
  Stabilization: 'Fewer workers would do, and scaling.scaleDown.stabilizationSeconds is not over yet; wait.',
  Reshard: 'The stream is being resharded; the number goes down after it.',
  UnknownShards: 'The shards are not known at the moment, so the number stays; see StreamReady.',
  UnknownLag:
    'The lag of a shard is not known at the moment, so the number does not go down; see TableReady and ShardsCovered.',
  Measuring:
    'Shards are behind, and either the workers asked for are not there yet or it is being measured how fast they read; wait a moment.',
  HotShard:
    'A shard that has a worker of its own is behind, and no other worker can help it; raise handler.parallelizationFactor, make the handler faster, or split the shard.',
  NamespaceLimit:
    'The groups of the namespace have as many workers as its annotation kcg.dev/max-replicas allows; lower those of another group, or have the limit raised.',
  StuckShards:
    'Shards are behind because the handler fails or hangs or they cannot be read, and more workers would not help; see HandlerHealthy and ShardsProgressing.',
  Schedule:
    'An open window of scaling.schedules asks for more workers than there is work for, or allows fewer; nothing to do.',
} as const;

const STALLED = {
  NotStalled: 'Nothing blocks the group for good; nothing to do.',
  InvalidSpec: 'The spec cannot work; correct it as the message says.',
} as const;

const READY = {
  Available: 'Every shard that can be read is read; nothing to do.',
  Shadow:
    'Every shard that can be read is read and counted, as asked, and nothing is handed to the handler unless it is harmless; set desiredState to Running to switch.',
  Progressing: 'The group is on its way; the message says what it waits for.',
  Paused: 'It was asked to pause: pods stay, nothing is read; set desiredState to Running to go on.',
  Stopped: 'It was asked to stop: there are no pods; set desiredState to Running to go on.',
  ScaledToZero:
    'No worker runs, as an autoscaler asks for none, no record waits or the group begins at a time to come; the message says which. Nothing to do.',
  Deleting: 'The group is being deleted; the message says what is left to do.',
  ReconcilePaused:
    'The operator has never looked at the group: the annotation kcg.dev/reconcile-paused was there from the beginning.',
} as const;

const RECONCILING = {
  Blocked: 'Nothing is being changed: the group waits for somebody, as Stalled says.',
  UpToDate: 'The cluster and AWS are as the spec wants them; nothing to do.',
  Provisioning: 'The table is being created or changed; wait a moment.',
  RollingOut: 'Pods are being started, replaced or stopped; wait a moment.',
  HandingOver: 'Shards are moving between workers; wait a moment.',
  Retrying: 'A step failed and is tried again; the message says which.',
  Waiting: 'Nothing is changed, but the group is not ready yet; the message says what it waits for.',
  ReconcilePaused:
    'The annotation kcg.dev/reconcile-paused keeps the operator from changing anything; remove it to go on.',
  CleaningUp:
    'The group, or one of its name that was deleted just before, is cleaned up after; the message says what is left to do.',
} as const;

const RANGE = {
  RangeRead:
    'All of spec.range is processed, and the pods are gone; nothing to do. Positions stay as deletionPolicy says.',
  RangeReading: 'The group reads spec.range; wait until it is through.',
} as const;

const PROBLEMS = {
  ...STREAM_REASONS,
  ...TABLE_REASONS,
  ...CLAIM,
  ...IMPORT,
  ...WORKERS,
  ...SHARDS,
  ...HANDLER,
  ...RISK,
  ...STALLED,
} as const;

interface ConditionDoc<R> {
  meaning: string;
  /** True when "True" is bad news. */
  abnormal: boolean;
  /** Each with what it means and what to do. */
  reasons: R;
}
const doc = <R extends Record<string, string>>(
  meaning: string,
  abnormal: boolean,
  reasons: R,
): ConditionDoc<R> => ({
  meaning,
  abnormal,
  reasons,
});

/** Every condition and reason there is. Reasons are stable: alerts and scripts may depend on them. */
export const CONDITIONS = {
  Ready: doc(
    'The group does its work. When it does not, the reason is that of the condition that explains it.',
    false,
    {
      ...PROBLEMS,
      ...READY,
      RangeRead: RANGE.RangeRead,
    },
  ),
  Reconciling: doc('The operator is changing something.', true, RECONCILING),
  Stalled: doc('The group cannot go on until somebody changes something.', true, {
    ...STREAM_REASONS,
    ...TABLE_REASONS,
    ...CLAIM,
    ...IMPORT,
    ...WORKERS,
    ...STALLED,
  }),
  StreamReady: doc('The stream exists and can be read.', false, STREAM_REASONS),
  TableReady: doc('The table exists and is as the spec wants it.', false, TABLE_REASONS),
  GroupClaimed: doc('The group id belongs to this resource and to no other.', false, CLAIM),
  PositionsImported: doc(
    'The positions of the consumer in checkpoints.importFrom are those of this group. Only groups that name one have it.',
    false,
    IMPORT,
  ),
  Complete: doc('All of spec.range is processed. Only groups that have one have it.', false, RANGE),
  WorkersAvailable: doc('Enough worker pods are ready, and those of a new template come up.', false, WORKERS),
  ShardsCovered: doc('Every shard that can be read has a live owner.', false, SHARDS),
  HandlerHealthy: doc('The handler succeeds on every shard.', false, HANDLER),
  ShardsProgressing: doc(
    'Positions move wherever records wait, as five minutes of watching show; no threshold is set.',
    false,
    PROGRESS,
  ),
  LagWithinTarget: doc('The group keeps up with the stream.', false, LAG),
  CheckpointsAtRisk: doc('Positions are in danger, or records were lost.', true, RISK),
  ScalingLimited: doc('The number of workers is not what the shards or the lag ask for.', true, SCALING),
} as const;

export type ConditionType = keyof typeof CONDITIONS;
export type ReasonOf<T extends ConditionType> = T extends ConditionType
  ? Extract<keyof (typeof CONDITIONS)[T]['reasons'], string>
  : never;
/** What is to be said of a condition. */
export type Told<T extends ConditionType> = Pick<Condition<T>, 'status' | 'reason' | 'message'>;
/** A condition before it has a time. */
export type NewCondition = { [T in ConditionType]: Omit<Condition<T>, 'lastTransitionTime'> }[ConditionType];

/** metav1.Time: RFC 3339 in whole seconds. */
export function kubernetesTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
