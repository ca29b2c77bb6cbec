import * as z from 'zod';
import type { UserRecord } from '../../kinesis/record.ts';

/** Where batches that were given up are kept, until their records are done. */
export interface BatchStore {
  /** As a user would name it: `SQS queue arn:…`. */
  readonly name: string;
  /** What stays holds back what follows it: of a FIFO queue. */
  readonly isOrdered?: boolean;
  /** Each once. @throws KcgError when it cannot be read */
  list(signal: AbortSignal): AsyncIterable<StoredText>;
  /** What was not removed is as it was before. */
  close(): Promise<void>;
}

export interface StoredText {
  /** For people: a key, a file, a message's id. */
  id: string;
  text: string;
  remove(): Promise<void>;
}

/** A batch that was given up, as kcg or AWS Lambda wrote it. */
export interface StoredBatch {
  /** Of kcg's own; undefined when Lambda wrote it. */
  groupId: string | undefined;
  streamArn: string;
  shardId: string;
  first: { sequence: string; subSequence: number | undefined };
  last: { sequence: string; subSequence: number | undefined };
  batchSize: number;
  lane: number;
  lanes: number;
  /** Undefined: only the stream has them. */
  payload: UserRecord[] | undefined;
}

const sequence = z.string().regex(/^[0-9]{1,128}$/);
const sub = z.int().nonnegative().optional();
const schema = z.object({
  requestContext: z.object({ functionArn: z.string() }),
  KinesisBatchInfo: z.object({
    shardId: z.string().min(1),
    startSequenceNumber: sequence,
    endSequenceNumber: sequence,
    batchSize: z.int().positive(),
    streamArn: z.string().min(1),
  }),
  kcg: z
    .object({
      lane: z.int().nonnegative().optional(),
      lanes: z.int().min(1).max(10).optional(),
      startSubSequenceNumber: sub,
      endSubSequenceNumber: sub,
    })
    .optional(),
  payload: z.string().optional(),
});

const event = z.object({
  Records: z.array(
    z.object({
      kinesis: z.object({
        sequenceNumber: sequence,
        subSequenceNumber: sub,
        partitionKey: z.string(),
        data: z.string(),
        approximateArrivalTimestamp: z.number(),
      }),
    }),
  ),
});
/** What SNS puts around a message for a queue that is subscribed to the topic. */
const envelope = z.object({ Type: z.literal('Notification'), Message: z.string() });

/** Undefined when it is no such record. A payload that cannot be read is left out. */
export function readStoredBatch(text: string): StoredBatch | undefined {
  const value = json(text);
  const inner = envelope.safeParse(value);
  const parsed = schema.safeParse(inner.success ? json(inner.data.Message) : value);
  if (!parsed.success) return undefined;
  const { requestContext, KinesisBatchInfo: info, kcg = {}, payload } = parsed.data;
  return {
    groupId: /^arn:[^:]*:kcg:[^:]*:[^:]*:group:(.+)$/.exec(requestContext.functionArn)?.[1],
    streamArn: info.streamArn,
    shardId: info.shardId,
    first: { sequence: info.startSequenceNumber, subSequence: kcg.startSubSequenceNumber },
    last: { sequence: info.endSequenceNumber, subSequence: kcg.endSubSequenceNumber },
    batchSize: info.batchSize,
    lane: kcg.lane ?? 0,
    lanes: kcg.lanes ?? 1,
    payload: payload === undefined ? undefined : recordsOf(payload),
  };
}

function recordsOf(payload: string): UserRecord[] | undefined {
  const parsed = event.safeParse(json(payload));
  if (!parsed.success) return undefined;
  return parsed.data.Records.map(({ kinesis }) => ({
    sequence: kinesis.sequenceNumber,
    ...(kinesis.subSequenceNumber === undefined ? {} : { subSequence: kinesis.subSequenceNumber }),
    partitionKey: kinesis.partitionKey,
    data: Buffer.from(kinesis.data, 'base64'),
    arrivedAt: Math.round(kinesis.approximateArrivalTimestamp * 1000),
  }));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
