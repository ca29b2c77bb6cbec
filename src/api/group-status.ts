import * as z from 'zod';
import { conditionSchema } from './conditions.ts';
import { count, line, name, time } from './status-fields.ts';

const seconds = z.int().min(0).max(2_147_483_647);

/** Entries of `shards` and `workers` that a status has room for. */
export const STATUS_LIST_MAX = 50;

const summary = z.object({
  shards: name.optional().describe('Shards owned by a live worker / shards that can be read now.'),
  pods: name.optional().describe('Pods ready / pods wanted.'),
  lag: name.optional().describe('Lag of the shard most behind.'),
});

const stream = z.object({
  arn: z.string().max(512).optional().describe('The stream.'),
  openShards: count.optional().describe('Shards that take new records.'),
  closedShards: count.optional().describe('Shards that a reshard closed and that still hold records.'),
  retentionHours: count.optional().describe('How long the stream keeps records.'),
  consumer: z
    .object({
      name: name.describe('Name of the stream consumer.'),
      arn: z.string().max(512).optional().describe('ARN of the stream consumer.'),
      status: name.optional().describe("Kinesis' word for its state, for example ACTIVE."),
      created: z
        .boolean()
        .optional()
        .describe('kcg registered it for this group, and removes it with the group.'),
    })
    .optional()
    .describe('EnhancedFanOut: the stream consumer that the group reads with.'),
});

const lastFailover = z.object({
  time: time.describe('When the last of the shards was owned again.'),
  shards: count.describe('How many shards changed hands.'),
  seconds: seconds.describe('How long nobody read them.'),
  cause: line.describe('Why their worker lost them.'),
});

const leases = z.object({
  total: count.optional().describe('Leases of shards that are not read to their end.'),
  owned: count.optional().describe('Leases owned by a live worker.'),
  unowned: count.optional().describe('Leases that no live worker owns.'),
  handingOff: count.optional().describe('Leases of workers that are draining.'),
  workers: count.optional().describe('Live workers.'),
  lastFailover: lastFailover.optional().describe('The last time shards were taken from a worker that died.'),
});

const lag = z.object({
  maxSeconds: seconds.optional().describe('Lag of the shard most behind; never a sum.'),
  maxShardId: name.optional().describe('The shard most behind.'),
  oldestCheckpointTime: time.optional().describe('Oldest checkpoint of a shard that is behind.'),
  retentionHeadroomPercent: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe('How much of the retention is left before the shard most behind loses records.'),
});

const givenUp = z.object({
  records: count.describe(
    'How many records the handler does not get again, of the shards whose rows are still there.',
  ),
  lastTime: time.describe('The last time.'),
  reason: name.describe('The last reason: RetryAttemptsExhausted or RecordAgeExceeded.'),
  shardId: name.describe('The shard it was on.'),
});

const delivery = z.object({
  givenUp: givenUp.optional().describe('What was given up, as handler.retry says.'),
});

const shard = z.object({
  shardId: name.describe('The shard.'),
  owner: name.optional().describe('Pod that owns it.'),
  lagSeconds: seconds.optional().describe('How far it is behind.'),
  checkpoint: name.optional().describe('Sequence number of the checkpoint.'),
  checkpointTime: time.optional().describe('When the checkpoint was written.'),
  judgement: name
    .optional()
    .describe(
      'OK, Slow (advances, falls behind), Stalled (records wait, the position stands), Stopped (nobody reads it) or Rewound (the position has gone back); nothing before it can be told.',
    ),
  cause: name
    .optional()
    .describe(
      'Why, where it is known: HandlerFails, HandlerHangs, DestinationFails, ReadDenied, ReadThrottled, ReadFails, NoOwner, Paused or WaitingForParents.',
    ),
});

const worker = z.object({
  pod: name.describe('The pod.'),
  leases: count.describe('Shards it owns.'),
  lagSeconds: seconds.optional().describe('Lag of its shard most behind.'),
});

const table = z.object({
  name: name.optional().describe('Name of the table.'),
  arn: z.string().max(512).optional().describe('ARN of the table.'),
  status: name.optional().describe("DynamoDB's word for its state, for example ACTIVE."),
  created: z.boolean().optional().describe('kcg created it for this group.'),
  ttl: name.optional().describe("State of the table's time to live."),
  pitr: name.optional().describe("State of the table's point-in-time recovery."),
  managedTagKeys: z
    .array(z.string().max(128))
    .max(50)
    .optional()
    .describe('Tags that kcg has set and may remove.'),
  lastDrift: z
    .object({
      time: time.describe('When it was set back.'),
      change: line.describe('What it was, and what it was set to.'),
    })
    .optional()
    .describe('The last time that somebody else had changed what the spec names.'),
});

const imported = z.object({
  from: line.describe('What the positions came from.'),
  time: time.describe('When.'),
  shards: count.describe('How many shards got a position.'),
});

const scaling = z.object({
  desired: count.optional().describe('Workers wanted.'),
  limitedBy: name
    .optional()
    .describe(
      'What keeps the number from what the shards or the lag ask for: the reason of ScalingLimited, or NotLimited.',
    ),
  reason: line.optional().describe('Why this number.'),
  recommended: z
    .object({
      replicas: count.describe('Workers.'),
      limitedBy: name.describe('As limitedBy.'),
      reason: line.describe('Why.'),
    })
    .optional()
    .describe(
      'What mode Lag would run, where targetLagSeconds is set and the mode is another. Nothing follows it.',
    ),
  lastScale: z
    .object({ time: time.describe('When.'), reason: line.describe('Why.') })
    .optional()
    .describe('The last change of the number of workers.'),
});

const handled = z.object({
  restart: name
    .optional()
    .describe('Value of the annotation kcg.dev/restart, once every worker has been replaced for it.'),
  reconcile: name
    .optional()
    .describe('Value of the annotation kcg.dev/reconcile, once everything has been looked at for it.'),
});

export const groupStatus = z.object({
  observedGeneration: z.int().optional().describe('Generation of the spec that this status is about.'),
  conditions: z
    .array(conditionSchema)
    .max(20)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('What is well and what is not. Ready sums them up.'),
  groupId: name.optional().describe('The group id in use.'),
  summary: summary.optional().describe('For people: what kubectl get shows.'),
  replicas: count.optional().describe('Pods that exist.'),
  readyReplicas: count.optional().describe('Pods that are ready.'),
  selector: z.string().max(1024).optional().describe('Label selector of the pods, for autoscalers.'),
  stream: stream.optional().describe('What the stream is like.'),
  leases: leases.optional().describe('Who owns the shards, in numbers.'),
  lag: lag.optional().describe('How far the group is behind.'),
  delivery: delivery.optional().describe('What became of records.'),
  shards: z
    .array(shard)
    .max(STATUS_LIST_MAX)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['shardId'] })
    .describe('The shards most behind, at most 50; "kcg leases" lists all.'),
  workers: z
    .array(worker)
    .max(STATUS_LIST_MAX)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['pod'] })
    .describe('The workers, at most 50.'),
  table: table.optional().describe('The table as it was found.'),
  imported: imported.optional().describe('The import of positions, as checkpoints.importFrom said.'),
  scaling: scaling.optional().describe('How many workers, and why.'),
  handled: handled
    .optional()
    .describe('What annotations have asked for and is done; 256 characters of each.'),
});

export type GroupStatus = z.output<typeof groupStatus>;
