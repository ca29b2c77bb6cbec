import type { CompleteReason, FailedReason } from '../api/offset-reset-conditions.ts';
import type { GroupSpec } from '../api/group-spec.ts';
import type { OffsetResetSpec } from '../api/offset-reset.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import type { GroupTarget } from './group-target.ts';

/** What became, or would become, of a shard. */
export interface MovedShard {
  shardId: string;
  /** Undefined: it had no row. */
  from: string | undefined;
  to: string;
  why: string;
}

/** How a reset stands after a step. */
export type ResetStep =
  | { outcome: 'done'; reason: CompleteReason; message: string; result: ResetResult }
  | { outcome: 'failed'; reason: FailedReason; message: string }
  | {
      outcome: 'waiting';
      reason: CompleteReason;
      message: string;
      againInMs: number;
      /** For somebody to do something. */
      isStalled?: boolean;
    };

export interface ResetResult {
  moved: readonly MovedShard[];
  unchanged: number;
  notes: readonly string[];
  /** Times in ms since the epoch; undefined = nothing was written. */
  snapshot?: { id: string; expiresAt: number; at: number };
}

/** One reset, and what watching the workers has shown so far. */
export interface ResetSession {
  /**
   * Goes on as far as it can, and never waits.
   * @throws KcgError as `LeaseTable` and `StreamClient` do
   */
  step(signal: AbortSignal): Promise<ResetStep>;
}

export interface ResetRequest {
  target: GroupTarget;
  table: LeaseTable;
  /** Names it: the same one goes on where it ended. */
  id: string;
  /** For people. */
  by: string;
  /** Of the group: where shards without a position begin. */
  spec: Pick<GroupSpec, 'range' | 'initialPosition'>;
  /** Undefined: its resource is gone, and what it has begun is ended. */
  to: OffsetResetSpec['to'];
  stopsWorkers: boolean;
  isDryRun: boolean;
  leaseDurationMs: number;
  /** Rows of another group, by its name; @throws KcgError `NotFound` */
  openOther: (name: string) => Promise<LeaseTable>;
}

export type OpenReset = (request: ResetRequest) => ResetSession;

/** What is remembered of a group's reset. */
export interface ResetMemory {
  /** The session knows which workers' heartbeats have stood still. */
  session: { of: string; session: ResetSession } | undefined;
}
