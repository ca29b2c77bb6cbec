import { number, text, type AttributeValue, type Row } from './row.ts';

/** Keys of the rows that keep what an import has read and made; as all keys with a `#`, they are no shard's. */
export const IMPORT_PREFIX = 'import#';

/**
 * The group's positions came from another consumer: noted in its claim before the first of them is written, and again when the
 * last one is. `undoing`: they are being removed again. Workers own and add nothing unless it is `done`.
 */
export interface ImportRecord {
  /** Names its rows. */
  id: string;
  state: 'begun' | 'done' | 'undoing';
  /** For people: `KCL table orders-app`. */
  from: string;
  /** Ms since the epoch; when it began. */
  at: number;
  /** How many shards got a row. */
  shards: number;
  /** How many rows keep the snapshot. */
  parts: number;
}

const STATES = ['begun', 'done', 'undoing'] as const;

/** Undefined = nothing was imported. A state of a later release counts as one that is not done. */
export function decodeImport(row: Row): ImportRecord | undefined {
  const id = text(row, 'import_id');
  if (id === undefined) return undefined;
  return {
    id,
    state: STATES.find((state) => state === text(row, 'import_state')) ?? 'begun',
    from: text(row, 'import_from') ?? '',
    at: number(row, 'import_at') ?? 0,
    shards: number(row, 'import_shards') ?? 0,
    parts: number(row, 'import_parts') ?? 0,
  };
}

/** The attributes that say it. */
export function encodeImport(record: ImportRecord): Record<string, AttributeValue> {
  return {
    import_id: record.id,
    import_state: record.state,
    import_from: record.from,
    import_at: record.at,
    import_shards: record.shards,
    import_parts: record.parts,
  };
}
