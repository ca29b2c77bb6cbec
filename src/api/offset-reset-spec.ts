import * as z from 'zod';
import { DNS_SUBDOMAIN, RESET_ID, SEQUENCE_NUMBER, SHARD_ID, text } from './formats.ts';
import { NAME_MAX } from './labels.ts';
import { withRules } from './rule.ts';
import { timestamp } from './timestamp.ts';

/** Shards that one reset names. */
const POSITIONS_MAX = 1_000;

const groupName = text(DNS_SUBDOMAIN, { max: NAME_MAX, example: 'orders' });
const sequenceNumber = text(SEQUENCE_NUMBER, {
  max: 128,
  example: '49590338271490256608559692538361571095921575989136588898',
});

const position = withRules(
  z.strictObject({
    shardId: text(SHARD_ID, { max: 128, example: 'shardId-000000000000' }).describe('The shard.'),
    after: sequenceNumber
      .optional()
      .describe(
        'Sequence number of the last record that counts as processed; reading goes on behind it. It is what status.shards of the group shows as checkpoint.',
      ),
    at: sequenceNumber
      .optional()
      .describe('Sequence number of the first record to deliver; the record itself comes again.'),
  }),
  [
    {
      cel: 'has(self.after) != has(self.at)',
      holds: ({ after, at }) => (after === undefined) !== (at === undefined),
      message: 'set exactly one of after and at',
    },
  ],
);

const to = withRules(
  z.strictObject({
    type: z
      .enum(['TrimHorizon', 'Latest', 'AtTimestamp', 'SequenceNumbers', 'Snapshot', 'Group'])
      .describe(
        'TrimHorizon: the oldest record kept. Latest: records that come after the reset. AtTimestamp: records written at or after timestamp. SequenceNumbers: the shards in positions, and no others. Snapshot: as the group stood before an earlier reset. Group: where another group stands.',
      ),
    timestamp: timestamp('2026-11-29T08:00:00Z')
      .optional()
      .meta({ format: 'date-time' })
      .describe('AtTimestamp only: where to begin, RFC 3339.'),
    positions: z
      .array(position)
      .min(1)
      .max(POSITIONS_MAX)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['shardId'] })
      .describe(
        'SequenceNumbers only: where to begin, by shard. Shards that are not named stay as they are.',
      ),
    snapshot: text(RESET_ID, { max: 36, example: '0b7c5f0e-6d5c-4a52-9d7b-2f1f5f0f3c11' })
      .optional()
      .describe('Snapshot only: its id, as status.snapshot.id of a reset of this group shows it.'),
    group: groupName
      .optional()
      .describe(
        'Group only: name of the KinesisConsumerGroup, in the namespace of the reset and over the same stream, whose positions are taken over.',
      ),
  }),
  [
    {
      cel: "(self.type == 'AtTimestamp') == has(self.timestamp) && (self.type == 'SequenceNumbers') == has(self.positions) && (self.type == 'Snapshot') == has(self.snapshot) && (self.type == 'Group') == has(self.group)",
      holds: ({ type, timestamp, positions, snapshot, group }) =>
        (type === 'AtTimestamp') === (timestamp !== undefined) &&
        (type === 'SequenceNumbers') === (positions !== undefined) &&
        (type === 'Snapshot') === (snapshot !== undefined) &&
        (type === 'Group') === (group !== undefined),
      message:
        'AtTimestamp needs timestamp, SequenceNumbers needs positions, Snapshot needs snapshot and Group needs group; no other type takes them',
    },
    {
      cel: "!has(self.timestamp) || self.timestamp >= timestamp('1970-01-01T00:00:00Z')",
      holds: ({ timestamp }) => timestamp === undefined || !(Date.parse(timestamp) < 0),
      message: 'timestamp is before 1970; for all records kept use TrimHorizon',
      path: 'timestamp',
    },
  ],
);

export const offsetResetSpec = withRules(
  z.strictObject({
    group: groupName.describe(
      'Name of the KinesisConsumerGroup, in the namespace of the reset, whose positions are moved.',
    ),
    to: to.optional().describe('Where to; exactly one of to and undo.'),
    undo: text(DNS_SUBDOMAIN, { max: 253, example: 'orders-to-noon' })
      .optional()
      .describe(
        'Name of an earlier KinesisOffsetReset of the same group: its positions go back to where they were before it.',
      ),
    whileRunning: z
      .enum(['Refuse', 'Stop'])
      .default('Refuse')
      .describe(
        'When workers of the group run. Refuse: nothing is done, and the reset has failed. Stop: they finish what they have begun and release their shards, and go on from the new positions; the pods stay.',
      ),
    dryRun: z
      .boolean()
      .default(false)
      .describe(
        'Only show in status.shards what would become of each position; nothing is stopped or written.',
      ),
    ttlSecondsAfterFinished: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .optional()
      .describe(
        'Seconds after which a reset that is over, done or failed, is deleted, counted from status.completionTime; as of a Job. Unset: it is kept. Not for what a tool would create anew, as from Git: that is done again.',
      ),
  }),
  [
    {
      cel: 'has(self.to) != has(self.undo)',
      holds: ({ to: target, undo }) => (target === undefined) !== (undo === undefined),
      message: 'set exactly one of to and undo',
    },
    {
      cel: '!has(self.to) || !has(self.to.group) || self.to.group != self.group',
      holds: ({ group, to: target }) => target?.group === undefined || target.group !== group,
      message: 'to.group is the group itself: name another one',
      path: 'to',
    },
  ],
  [
    {
      cel: 'self == oldSelf',
      message: 'a reset is done once and cannot be changed: create another one',
    },
  ],
);

/** A valid spec with all defaults applied. */
export type OffsetResetSpec = z.output<typeof offsetResetSpec>;
