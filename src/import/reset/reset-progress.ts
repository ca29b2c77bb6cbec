import type { CompleteReason, FailedReason } from '../../api/offset-reset-conditions.ts';
import type { ErrorCode, KcgError } from '../../lib/errors.ts';
import { formatPosition } from '../format-position.ts';
import type { ResetPlan } from './plan-reset.ts';
import { expiryOf, type ResetSnapshot } from './reset-snapshot.ts';

/** What became, or would become, of a shard. */
export interface MovedShard {
  shardId: string;
  /** Undefined: it had no row. */
  from: string | undefined;
  to: string;
  why: string;
}

export interface ResetResult {
  moved: readonly MovedShard[];
  unchanged: number;
  notes: readonly string[];
  /** Ms since the epoch; undefined = nothing was written. */
  snapshot?: { id: string; expiresAt: number; at: number };
}

/** How a reset stands after a step. */
export type ResetProgress =
  | {
      outcome: 'done';
      reason: Extract<CompleteReason, 'Reset' | 'DryRun'>;
      message: string;
      result: ResetResult;
    }
  | { outcome: 'failed'; reason: FailedReason; message: string; error?: KcgError }
  | {
      outcome: 'waiting';
      reason: Extract<CompleteReason, 'Waiting' | 'StoppingWorkers' | 'Writing'>;
      message: string;
      /** When another step is worth it, ms. */
      againInMs: number;
    };

export function resultOf(plan: Pick<ResetPlan, 'shards' | 'unchanged' | 'notes'>): ResetResult {
  return {
    moved: plan.shards.map(({ lease, before, why }) => ({
      shardId: lease.shardId,
      from: before && formatPosition(before.checkpoint),
      to: formatPosition(lease.checkpoint),
      why,
    })),
    unchanged: plan.unchanged.length,
    notes: plan.notes,
  };
}

export function resultOfSnapshot(id: string, snapshot: ResetSnapshot): ResetResult {
  return { ...resultOf(snapshot), snapshot: { id, expiresAt: expiryOf(snapshot), at: snapshot.at } };
}

const FAILURES: Partial<Record<ErrorCode, FailedReason>> = {
  NotFound: 'SnapshotNotFound',
  InvalidInput: 'PositionsRefused',
  Conflict: 'PositionsRefused',
};

/** What an error of the target means; undefined = it may work later. */
export function failureOf({ code }: KcgError, isGroup: boolean): FailedReason | undefined {
  const reason = FAILURES[code];
  return reason === 'SnapshotNotFound' && isGroup ? 'SourceNotFound' : reason;
}
