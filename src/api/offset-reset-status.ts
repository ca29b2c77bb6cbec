import * as z from 'zod';
import { conditionSchema } from './conditions.ts';
import { count, line, name, time } from './status-fields.ts';

/** Entries of `shards` that a status has room for. */
export const RESET_SHARDS_MAX = 500;
/** Of `notes`. */
export const RESET_NOTES_MAX = 20;

const shard = z.object({
  shardId: name.describe('The shard.'),
  from: name
    .optional()
    .describe(
      'Its position before: a sequence number, TRIM_HORIZON, AT_TIMESTAMP or SHARD_END. None: it had none.',
    ),
  to: name.describe('Its new position.'),
  why: line.describe('Why there.'),
});

const resetCondition = conditionSchema.extend({
  type: conditionSchema.shape.type.describe('What it is about, for example Complete.'),
  reason: conditionSchema.shape.reason.describe('One word for why; docs/reset-reference.md explains each.'),
});

export const offsetResetStatus = z.object({
  observedGeneration: z.int().optional().describe('Generation of the spec that this status is about.'),
  conditions: z
    .array(resetCondition)
    .max(8)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('How the reset stands. Complete is True when it is done, Stalled when it has failed.'),
  groupId: name.optional().describe('Id of the group in its table.'),
  target: name.optional().describe('Where to, in short.'),
  startTime: time.optional().describe('When the positions before were read.'),
  completionTime: time.optional().describe('When it was over.'),
  moved: count.optional().describe('How many shards got another position.'),
  unchanged: count.optional().describe('How many stood there already.'),
  snapshot: z
    .object({
      id: name.describe('Names it, for spec.to.snapshot.'),
      expiryTime: time.describe('Until when it is kept.'),
    })
    .optional()
    .describe("All positions before the reset, kept in the group's table."),
  shards: z
    .array(shard)
    .max(RESET_SHARDS_MAX)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['shardId'] })
    .describe('Before and after by shard, of those that moved; at most 500.'),
  notes: z.array(line).max(RESET_NOTES_MAX).optional().describe('What else is to be known.'),
});

export type OffsetResetStatus = z.output<typeof offsetResetStatus>;
