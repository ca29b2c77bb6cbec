import * as z from 'zod';
import { STREAM_ARN, STREAM_NAME, text } from './formats.ts';
import { withRules } from './rule.ts';
import { timestamp } from './timestamp.ts';

export const streamSpec = withRules(
  z.strictObject({
    name: text(STREAM_NAME, { max: 128, example: 'orders' })
      .optional()
      .describe('Name of the stream, in the account and region of the group.'),
    arn: text(STREAM_ARN, { max: 512, example: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders' })
      .optional()
      .describe('ARN of the stream; for streams of another account.'),
  }),
  [
    {
      cel: 'has(self.name) != has(self.arn)',
      holds: ({ name, arn }) => (name === undefined) !== (arn === undefined),
      message: 'set exactly one of name and arn',
    },
  ],
  [
    {
      cel: 'self == oldSelf',
      message:
        'the stream of a group cannot change: checkpoints are positions in this stream; create another group for another stream',
    },
  ],
);

interface WithStream {
  region?: string | undefined;
  stream: { arn?: string | undefined };
}

/** Also where there is nothing to compare: what is no ARN is complained of as that. */
export function isRegionOfStream({ region, stream }: WithStream): boolean {
  const { arn = '' } = stream;
  return region === undefined || arn.split(':').length < 6 || arn.split(':')[3] === region;
}

export const initialPositionSpec = withRules(
  z.strictObject({
    type: z
      .enum(['TrimHorizon', 'Latest', 'AtTimestamp'])
      .default('TrimHorizon')
      .describe(
        'TrimHorizon: the oldest record kept. Latest: records written after the group was created. AtTimestamp: records written at or after timestamp.',
      ),
    timestamp: timestamp('2026-11-23T08:00:00Z')
      .optional()
      .meta({ format: 'date-time' })
      .describe('AtTimestamp only: where to start, RFC 3339.'),
  }),
  [
    {
      cel: "(self.type == 'AtTimestamp') == has(self.timestamp)",
      holds: ({ type, timestamp }) => (type === 'AtTimestamp') === (timestamp !== undefined),
      message: 'type AtTimestamp needs a timestamp, and no other type takes one',
    },
    {
      cel: "!has(self.timestamp) || self.timestamp >= timestamp('1970-01-01T00:00:00Z')",
      // Of a day that does not exist it is told already.
      holds: ({ timestamp }) => timestamp === undefined || !(Date.parse(timestamp) < 0),
      message:
        'timestamp is before 1970, which Kinesis does not take; for all records kept use type TrimHorizon',
      path: 'timestamp',
    },
  ],
);

export const consumerSpec = withRules(
  z.strictObject({
    type: z
      .enum(['Polling', 'EnhancedFanOut'])
      .default('Polling')
      .describe(
        'Polling: GetRecords, shared with all other readers of the stream. EnhancedFanOut: 2 MB/s per shard of its own, at a price.',
      ),
    name: text(STREAM_NAME, { max: 128, example: 'orders' })
      .optional()
      .describe('EnhancedFanOut only: name of the registered stream consumer. Default: the group id.'),
    maxRecords: z
      .int()
      .min(1)
      .max(10_000)
      .default(10_000)
      .describe('Polling: most records in one GetRecords call.'),
    pollIntervalMillis: z
      .int()
      .min(200)
      .max(60_000)
      .default(1000)
      .describe(
        'Polling: pause between reads of a shard that is read to its end. A shard allows 5 reads per second to all readers together.',
      ),
  }),
  [
    {
      cel: "self.type == 'EnhancedFanOut' || !has(self.name)",
      holds: ({ type, name }) => type === 'EnhancedFanOut' || name === undefined,
      message: 'name belongs to type EnhancedFanOut: set it with that type only',
      path: 'name',
    },
  ],
);
