import type { Shard } from '../../kinesis/shard.ts';
import type { Lease } from '../../leases/lease.ts';
import type { ForeignPositions } from '../foreign-store.ts';

/** Programs whose tables can be written. */
export type ExportProgram = 'kcl' | 'async-kinesis';

export type ExportValue = string | number | null | readonly string[];

/** One row of the other's table: what is set of it, and what must not stay from before. */
export interface ExportRow {
  key: string;
  set: Readonly<Record<string, ExportValue>>;
  remove: readonly string[];
  /** Added to a number, by which the other sees that its row was changed. */
  add?: Readonly<Record<string, number>>;
  /** The row as it was read; undefined = there was none. It has to be so still. */
  before: Readonly<Record<string, ExportValue>> | undefined;
}

export interface ExportedShard {
  shardId: string;
  /** Undefined: the other is to begin it without one. */
  row: ExportRow | undefined;
  /** As people read it: the checkpoint there. */
  to: string;
  why: string;
  /** Records that come twice, in words. */
  twice?: string;
}

export interface ExportPlan {
  shards: readonly ExportedShard[];
  /** What the other has to be configured to, and what else is to be known. */
  notes: readonly string[];
  /** Why nothing may be written, in words; empty = it may. */
  refusals: readonly string[];
}

export interface ExportInput {
  leases: readonly Lease[];
  /** All that the stream lists from its beginning on. */
  shards: readonly Shard[];
  /** What the table holds; undefined = there is no table yet, or it is empty. */
  existing: ForeignPositions | undefined;
  nowMs: number;
}
