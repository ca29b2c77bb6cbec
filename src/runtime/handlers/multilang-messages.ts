import type { UserRecord } from '../../kinesis/record.ts';
import type { Batch, CheckpointAnswer, ProgramContext } from './handler.ts';

/*
 * The messages of KCL's MultiLangDaemon (3.x), one JSON object a line. Down: what a program is told; it answers each with a
 * status. Up: a status, and before it any number of checkpoints, each of which is answered with the same message. Every key is
 * always there, as Python's client reads them by name, and each record names its action, as that client makes its objects by it.
 */

export type Action = 'initialize' | 'processRecords' | 'leaseLost' | 'shardEnded' | 'shutdownRequested';

export interface CheckpointRequest {
  action: 'checkpoint';
  /** Null: all that was delivered. */
  sequenceNumber: string | null;
  subSequenceNumber: number | null;
}

export type FromProgram = { action: 'status'; responseFor: string } | CheckpointRequest;

/** Undefined: it is no message, as clients print other things too, and each message after an empty line. */
export function parseFromProgram(line: string): FromProgram | undefined {
  let message: unknown;
  try {
    message = JSON.parse(line, exactNumber);
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null) return undefined;
  const { action, responseFor, checkpoint, subSequenceNumber } = message as Record<string, unknown>;
  // KCL 1's first clients call it checkpoint. Whatever it is, it is not all that was delivered.
  const { sequenceNumber = checkpoint ?? null } = message as Record<string, unknown>;
  if (action === 'status') return { action, responseFor: textOf(responseFor) ?? 'nothing' };
  if (action !== 'checkpoint') return undefined;
  const sub = textOf(subSequenceNumber);
  return {
    action,
    sequenceNumber:
      sequenceNumber === null ? null : (textOf(sequenceNumber) ?? JSON.stringify(sequenceNumber)),
    subSequenceNumber: sub === undefined ? null : Number(sub),
  };
}

/** A sequence number has more digits than a number in JavaScript keeps; somebody's client may write it without quotes. */
function exactNumber(key: string, value: unknown, context?: { source?: string }): unknown {
  const isSequence = key === 'sequenceNumber' || key === 'checkpoint';
  return isSequence && typeof value === 'number' ? (context?.source ?? String(value)) : value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
}

/** Where delivery begins; the name of a position where that is no record. */
export function initializeMessage({ shardId, from }: Pick<ProgramContext, 'shardId' | 'from'>): string {
  const sequenceNumber = from.at === 'SEQUENCE' ? from.sequence : from.at;
  const subSequenceNumber = from.at === 'SEQUENCE' ? (from.subSequence ?? 0) : 0;
  return lineOf({ action: 'initialize', shardId, sequenceNumber, subSequenceNumber });
}

export function processRecordsMessage({ records, millisBehindLatest }: Batch): string {
  return lineOf({
    action: 'processRecords',
    records: records.map(recordOf),
    millisBehindLatest: Math.round(millisBehindLatest),
  });
}

function recordOf({ data, partitionKey, sequence, subSequence, arrivedAt }: UserRecord) {
  return {
    action: 'record',
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    partitionKey,
    sequenceNumber: sequence,
    subSequenceNumber: subSequence ?? 0,
    approximateArrivalTimestamp: arrivedAt,
  };
}

/** A message without fields. */
export function plainMessage(action: Exclude<Action, 'initialize' | 'processRecords'>): string {
  return lineOf({ action });
}

/** Why a checkpoint was refused, by the name of KCL's exception: clients know these and show them. */
export type CheckpointError = 'ShutdownException' | 'InvalidStateException' | 'IllegalArgumentException';

export function checkpointError(answer: CheckpointAnswer): CheckpointError | null {
  if (answer.outcome === 'noted') return null;
  return answer.reason === 'NotHeld' ? 'ShutdownException' : 'IllegalArgumentException';
}

export function checkpointAnswer(
  { sequenceNumber, subSequenceNumber }: CheckpointRequest,
  error: CheckpointError | null,
): string {
  return lineOf({ action: 'checkpoint', sequenceNumber, subSequenceNumber, error });
}

function lineOf(message: object): string {
  return `${JSON.stringify(message)}\n`;
}
