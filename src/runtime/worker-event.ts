import type { Clock } from '../lib/clock.ts';
import { describeError, type KcgError } from '../lib/errors.ts';
import type { Fields, Log } from '../lib/log.ts';
import type { GiveUpCondition } from './failure/failure-destination.ts';
import type { OwnershipChange } from './leasing/ownership-change.ts';

interface OfLane {
  shardId: string;
  /** Absent when the shard has only one. */
  lane?: number;
}

/** Everything worth knowing about a worker's life; feeds logs, metrics and tests. Never holds record data. */
export type WorkerEvent =
  | { type: 'WorkerAnnounced'; incarnation: string }
  | { type: 'WorkerLive' }
  | { type: 'WorkerDraining'; shards: number }
  | { type: 'WorkerStopped' }
  /** The group is paused: all leases are given back, and nothing is read until it goes on. */
  | { type: 'WorkerPaused' }
  /** Its lease was not renewed in time, or somebody else declared it dead. */
  | { type: 'WorkerSelfFenced'; reason: 'NotRenewed' | 'Fenced'; shards: number }
  /** This worker declared another one dead. */
  | { type: 'WorkerFenced'; worker: string; incarnation: string; silentMs: number }
  | OwnershipChange
  /** A shard was drained for somebody who is not to have it any more: reading goes on. */
  | { type: 'HandoffCancelled'; shardId: string; epoch: number }
  | { type: 'ShardsAdded'; shardIds: readonly string[] }
  | (OfLane & {
      type: 'BatchDelivered';
      records: number;
      bytes: number;
      millisBehindLatest: number;
      /** Since its last checkpoint the shard's program has failed on what comes behind these records. */
      isRepeat?: true;
    })
  /** Without `retryInMs` the batch is given up. */
  | (OfLane & { type: 'HandlerFailed'; attempt: number; error: KcgError; retryInMs?: number })
  /** The handler does not get these again; `destination` has them, when there is one. */
  | (OfLane & {
      type: 'RecordsGivenUp';
      condition: GiveUpCondition;
      records: number;
      /** Sequence numbers; with `:<sub-sequence>` inside a KPL aggregate. */
      first: string;
      last: string;
      attempts: number;
      destination?: string;
    })
  /** The lane waits until the destination has what was given up. */
  | (OfLane & { type: 'DestinationFailed'; error: KcgError; retryInMs: number })
  | { type: 'ReadTrouble'; shardId: string; error: KcgError | undefined }
  /** User records of KPL aggregates that the KPL sends again, to the shard that they belong to. */
  | { type: 'RecordsLeftOut'; shardId: string; records: number }
  /** Records of a read that pass no pattern of `handler.filters`. */
  | { type: 'RecordsFiltered'; shardId: string; records: number }
  | {
      type: 'CheckpointsAtRisk';
      shardId: string;
      reason: 'LostToRetention';
      checkpointAgeMs: number;
      /** At most: what was put into the shard in so much time has expired unread. */
      lostSeconds: number;
    }
  | { type: 'TableTrouble'; operation: string; error: KcgError | undefined };

export type OnWorkerEvent = (event: WorkerEvent) => void;

const LEVELS: Partial<Record<WorkerEvent['type'], 'debug' | 'warn'>> = {
  BatchDelivered: 'debug',
  RecordsFiltered: 'debug',
  WorkerSelfFenced: 'warn',
  WorkerFenced: 'warn',
  HandlerFailed: 'warn',
  RecordsGivenUp: 'warn',
  DestinationFailed: 'warn',
  ReadTrouble: 'warn',
  CheckpointsAtRisk: 'warn',
  TableTrouble: 'warn',
};

const MAX_CAUSES = 5;

/** The same is said once, and again when it still goes on after this long, ms. */
const REMIND_MS = 60_000;

/**
 * Logs events. Trouble that goes on comes in every few seconds, from every shard: of each kind (operation and error
 * code) one line a minute is written, with the number of those that were not; likewise of records left out of a shard.
 */
export function workerEventLog(log: Log, clock: Clock): OnWorkerEvent {
  const said = new Map<string, { atMs: number; unsaid: number }>();
  return (event) => {
    const kind = repeatedKind(event);
    if (kind === undefined) return logWorkerEvent(log, event);
    const last = said.get(kind);
    if (last && clock.monotonic() - last.atMs < REMIND_MS) {
      last.unsaid += 1;
      return;
    }
    said.set(kind, { atMs: clock.monotonic(), unsaid: 0 });
    logWorkerEvent(last?.unsaid ? log.child({ unsaid: last.unsaid }) : log, event);
  };
}

function repeatedKind(event: WorkerEvent): string | undefined {
  switch (event.type) {
    case 'TableTrouble':
      return `${event.operation} ${event.error?.code ?? 'over'}`;
    case 'ReadTrouble':
      return `read ${event.error?.code ?? 'over'}`;
    case 'DestinationFailed':
      return `destination ${event.error.code}`;
    case 'RecordsLeftOut':
      return `left out of ${event.shardId}`;
    default:
      return undefined;
  }
}

/** The log line of each event: its type as the message, its fields beside it. */
export function logWorkerEvent(log: Log, event: WorkerEvent): void {
  const { type, ...fields } = event;
  const error = 'error' in fields && fields.error ? errorFields(fields.error) : {};
  log[levelOf(event)](type, { ...fields, ...error });
}

function levelOf(event: WorkerEvent): 'debug' | 'info' | 'warn' {
  if (event.type === 'ShardStopped') return event.reason === 'Lost' ? 'warn' : 'info';
  // Without an error, trouble is over.
  if ('error' in event && event.error === undefined) return 'info';
  return LEVELS[event.type] ?? 'info';
}

/** An error in words: what happened and what to do, and what is behind it, nearest first. */
function errorFields(error: KcgError): Fields {
  const causes: string[] = [];
  let { cause } = error as Error;
  while (cause instanceof Error && causes.length < MAX_CAUSES) {
    causes.push(`${cause.name}: ${cause.message.split('\n', 1)[0]}`);
    ({ cause } = cause);
  }
  return { error: describeError(error), code: error.code, ...(causes.length > 0 ? { causes } : {}) };
}
