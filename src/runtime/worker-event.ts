import type { MoveReason } from '../leases/plan-leases.ts';
import type { KcgError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

/** Why a worker began to read a shard. */
export type StartReason = MoveReason | 'Given' | 'HandoffCancelled';
/** Why it stopped. */
export type StopReason = 'Given' | 'Released' | 'Ended' | 'Lost';

/** Everything worth knowing about a worker's life; feeds logs, metrics and tests. Never holds record data. */
export type WorkerEvent =
  | { type: 'WorkerAnnounced'; incarnation: string }
  | { type: 'WorkerLive' }
  | { type: 'WorkerDraining'; shards: number }
  | { type: 'WorkerStopped' }
  | { type: 'WorkerSelfFenced'; shards: number }
  | { type: 'WorkerFenced'; worker: string; incarnation: string; stoodStillMs: number }
  | { type: 'ShardStarted'; shardId: string; epoch: number; reason: StartReason; from: string | undefined }
  | { type: 'ShardStopped'; shardId: string; epoch: number; reason: StopReason; to: string | undefined }
  | { type: 'ShardsAdded'; shardIds: readonly string[] }
  | { type: 'BatchDelivered'; shardId: string; records: number; bytes: number; millisBehindLatest: number }
  | { type: 'HandlerFailed'; shardId: string; attempt: number; error: KcgError; retryInMs: number }
  | { type: 'ReadTrouble'; shardId: string; error: KcgError | undefined }
  | { type: 'CheckpointsAtRisk'; shardId: string; reason: 'LostToRetention'; checkpointAgeMs: number }
  | { type: 'TableTrouble'; operation: string; error: KcgError | undefined };

export type OnWorkerEvent = (event: WorkerEvent) => void;

const LEVELS: Partial<Record<WorkerEvent['type'], 'debug' | 'warn'>> = {
  BatchDelivered: 'debug',
  WorkerSelfFenced: 'warn',
  WorkerFenced: 'warn',
  HandlerFailed: 'warn',
  ReadTrouble: 'warn',
  CheckpointsAtRisk: 'warn',
  TableTrouble: 'warn',
};

/** The log line of each event: its type as the message, its fields beside it. */
export function logWorkerEvent(log: Log, event: WorkerEvent): void {
  const { type, ...fields } = event;
  const error =
    'error' in fields && fields.error ? { error: fields.error.message, code: fields.error.code } : {};
  log[LEVELS[type] ?? 'info'](type, { ...fields, ...error });
}
