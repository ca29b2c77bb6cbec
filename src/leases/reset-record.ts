import { number, text, type AttributeValue, type Row } from './row.ts';

/** Keys of the rows that keep the positions before a reset; as all keys with a `#`, they are no shard's. */
export const RESET_PREFIX = 'reset#';

/**
 * The group's positions are being moved: noted in its claim before any of them is. `holding`: workers are to release their
 * shards. `begun`: the snapshot is there, and rows are written from it, by whoever comes. Workers own and add nothing
 * unless it is `done`.
 */
export interface ResetRecord {
  /** Names its rows: the uid of the KinesisOffsetReset, or what the command line made up. */
  id: string;
  state: 'holding' | 'begun' | 'done';
  /** For people: `KinesisOffsetReset shop/orders-to-noon`. */
  by: string;
  /** Of a KinesisOffsetReset; the operator ends it when that is gone. */
  isOfResource: boolean;
  /** Ms since the epoch; when it began. */
  at: number;
  /** How many rows keep the snapshot; 0 while it holds. */
  parts: number;
}

const STATES = ['holding', 'begun', 'done'] as const;

/** Undefined = nothing was reset. A state of a later release counts as one that is not done. */
export function decodeReset(row: Row): ResetRecord | undefined {
  const id = text(row, 'reset_id');
  if (id === undefined) return undefined;
  return {
    id,
    state: STATES.find((state) => state === text(row, 'reset_state')) ?? 'begun',
    by: text(row, 'reset_by') ?? '',
    isOfResource: number(row, 'reset_resource') === 1,
    at: number(row, 'reset_at') ?? 0,
    parts: number(row, 'reset_parts') ?? 0,
  };
}

/** The attributes that say it. */
export function encodeReset(record: ResetRecord): Record<string, AttributeValue> {
  return {
    reset_id: record.id,
    reset_state: record.state,
    reset_by: record.by,
    reset_resource: record.isOfResource ? 1 : 0,
    reset_at: record.at,
    reset_parts: record.parts,
  };
}
