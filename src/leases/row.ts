/**
 * One item of the checkpoint table, less its `group_id`. Attribute names are the table's own, because people read
 * it with other tools and adopt tables written by other programs; unknown attributes are kept.
 */
export type AttributeValue = string | number | readonly string[] | Readonly<Record<string, number>>;
export type Row = { readonly shard_id: string } & Readonly<Record<string, AttributeValue>>;

/** Row keys: `shardId-…` for shards, and these two. */
export const WORKER_PREFIX = 'worker#';
export const CLAIM_KEY = 'group#claim';

export function workerKey(worker: string): string {
  return `${WORKER_PREFIX}${worker}`;
}

/** Undefined when it is absent or of another type: other programs write rows too. */
export function text(row: Row, attribute: string): string | undefined {
  const value = row[attribute];
  return typeof value === 'string' ? value : undefined;
}

/** Undefined when it is absent or of another type; a number in a text is of another type. */
export function number(row: Row, attribute: string): number | undefined {
  const value = row[attribute];
  return typeof value === 'number' ? value : undefined;
}

/** The first time that RFC 3339 cannot tell, ms since the epoch. */
const END_OF_TIME_MS = Date.UTC(10_000);

/**
 * A time as ms since the epoch; undefined also when it cannot be one: other programs count in other units.
 * @param unitMs of the attribute: 1,000 where it has seconds
 */
export function time(row: Row, attribute: string, unitMs = 1): number | undefined {
  const ms = (number(row, attribute) ?? NaN) * unitMs;
  return ms >= 0 && ms < END_OF_TIME_MS ? ms : undefined;
}

/** Empty when it is absent or of another type. */
export function texts(row: Row, attribute: string): readonly string[] {
  const value = row[attribute];
  return Array.isArray(value) ? value : [];
}

/** Empty when it is absent or of another type; only a map counts. */
export function numbers(row: Row, attribute: string): Readonly<Record<string, number>> {
  const value = row[attribute];
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, number>) : {};
}
