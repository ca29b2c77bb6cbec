import { createHash } from 'node:crypto';
import { lambdaEvent } from '../handlers/lambda-event.ts';
import type { GivenUpBatch } from './failure-destination.ts';

/*
 * What AWS Lambda writes for a batch that it gives up, field by field, so that what reads those reads these. Not Lambda's:
 *
 * - `functionArn` names the group, in the form of a function's ARN: the name is the seventh part, and the service is `kcg`
 * - `requestId` is made from the batch, so that a batch that is sent twice can be told
 * - `kcg`, only where the range of sequence numbers alone does not say which records they are: of lanes, one; of a KPL
 *   aggregate, a part
 *
 * As there, records that no call has got leave `responseContext` out, and a call that answered with the records that failed
 * leaves `functionError` out.
 * Source: AWS Lambda developer guide, "Retain discarded batch records for a Kinesis Data Streams event source".
 */
export interface InvocationRecord {
  requestContext: {
    requestId: string;
    functionArn: string;
    condition: string;
    approximateInvokeCount: number;
  };
  responseContext?: { statusCode: number; executedVersion: string; functionError?: string };
  version: string;
  timestamp: string;
  KinesisBatchInfo: {
    shardId: string;
    startSequenceNumber: string;
    endSequenceNumber: string;
    approximateArrivalOfFirstRecord: string;
    approximateArrivalOfLastRecord: string;
    batchSize: number;
    streamArn: string;
  };
  kcg?: KcgBatchInfo;
  /** S3 and folders: the event that the handler would get, as JSON. */
  payload?: string;
}

export interface KcgBatchInfo {
  lane?: number;
  lanes?: number;
  startSubSequenceNumber?: number;
  endSubSequenceNumber?: number;
}

/** Of a message: at most 2 KiB, below the 256 KiB of a topic and the 1 MiB of a queue, and without record data. */
export function invocationRecord(givenUp: GivenUpBatch): InvocationRecord {
  const { groupId, streamArn, shardId, records, condition, approximateInvokeCount, givenUpAt } = givenUp;
  const [first, last] = ends(givenUp);
  const kcg = beyondTheRange(givenUp);
  return {
    requestContext: {
      requestId: batchUuid(givenUp),
      functionArn: groupArn(groupId, streamArn),
      condition,
      approximateInvokeCount,
    },
    ...(approximateInvokeCount === 0 ? {} : { responseContext: responseContext(givenUp) }),
    version: '1.0',
    timestamp: iso(givenUpAt),
    KinesisBatchInfo: {
      shardId,
      startSequenceNumber: first.sequence,
      endSequenceNumber: last.sequence,
      approximateArrivalOfFirstRecord: iso(first.arrivedAt),
      approximateArrivalOfLastRecord: iso(last.arrivedAt),
      batchSize: records.length,
      streamArn,
    },
    ...(kcg === undefined ? {} : { kcg }),
  };
}

/** Of an object or a file: with the records, in the event that the handler would get. */
export function recordWithPayload(givenUp: GivenUpBatch): InvocationRecord {
  return { ...invocationRecord(givenUp), payload: JSON.stringify(lambdaEvent(givenUp, givenUp)) };
}

/** As Lambda lays objects out, with the group's id for that of the event source mapping: the same batch has the same key. */
export function objectKey(givenUp: GivenUpBatch): string {
  const day = iso(givenUp.givenUpAt).slice(0, 10).replaceAll('-', '/');
  const second = iso(givenUp.givenUpAt).slice(0, 19).replaceAll(':', '.');
  return `${groupPrefix(givenUp.groupId)}${givenUp.shardId}/${day}/${second}-${batchUuid(givenUp)}`;
}

/** Under which all objects of a group are. */
export function groupPrefix(groupId: string): string {
  return `aws/lambda/${groupId}/`;
}

/** As the record calls the group: `arn:aws:kcg:<region>:<account>:group:<group id>`, region and account of the stream. */
export function groupArn(groupId: string, streamArn: string): string {
  const [, partition, , region, account] = streamArn.split(':');
  return `arn:${partition}:kcg:${region}:${account}:group:${groupId}`;
}

/**
 * Of FIFO queues and topics: what one group gives up of one shard. Groups that share a queue would else hold up each
 * other's messages there, all streams having shards of the same names. At most 128 characters, as the services bound it.
 */
export function messageGroup({ groupId, shardId }: GivenUpBatch): string {
  return `${groupId}/${shardId}`.slice(-128);
}

/**
 * A UUID that stands for this batch, given up at this time: whoever sends it again sends the same. It begins with the ms of the
 * second, which the key of an object does not tell: so the keys of a shard are in order.
 */
export function batchUuid(givenUp: GivenUpBatch): string {
  const { groupId, streamArn, shardId, givenUpAt, lane } = givenUp;
  const [first, last] = ends(givenUp);
  const bounds = [first.sequence, first.subSequence ?? '', last.sequence, last.subSequence ?? ''];
  const hash = createHash('sha256')
    .update(JSON.stringify([groupId, streamArn, shardId, lane, givenUpAt, ...bounds]))
    .digest();
  // RFC 9562, version 8: made by rules of one's own.
  hash[6] = 0x80 | (hash[6]! & 0x0f);
  hash[8] = 0x80 | (hash[8]! & 0x3f);
  const ms = Math.floor(givenUpAt % 1000)
    .toString(16)
    .padStart(3, '0');
  const hex = ms + hash.toString('hex').slice(ms.length);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function responseContext({ isHandlerError }: GivenUpBatch): NonNullable<InvocationRecord['responseContext']> {
  const answered = { statusCode: 200, executedVersion: '$LATEST' };
  return isHandlerError ? { ...answered, functionError: 'Unhandled' } : answered;
}

function beyondTheRange(givenUp: GivenUpBatch): KcgBatchInfo | undefined {
  const { lane, lanes } = givenUp;
  const [{ subSequence: start }, { subSequence: end }] = ends(givenUp);
  const found = {
    ...(lanes > 1 ? { lane, lanes } : {}),
    ...(start === undefined ? {} : { startSubSequenceNumber: start }),
    ...(end === undefined ? {} : { endSubSequenceNumber: end }),
  };
  return Object.keys(found).length === 0 ? undefined : found;
}

function ends({ records }: GivenUpBatch) {
  return [records[0]!, records.at(-1)!] as const;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
