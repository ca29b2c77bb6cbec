import { gunzipSync, gzipSync } from 'node:zlib';
import { KcgError } from '../lib/errors.ts';
import type { LeaseTable } from './lease-table.ts';
import { text } from './row.ts';
import type { RowWrite } from './row-write.ts';

/*
 * What is kept beside the rows of a group, where every reader of rows passes over it: one text, in as many rows as it needs.
 */

/** How long it is kept, seconds. */
export const SNAPSHOT_SECONDS = 90 * 86_400;
/** Characters of one part: DynamoDB holds 400 KB a row. */
const PART_CHARACTERS = 300_000;

/** @param prefix with its `#`, as `RESET_PREFIX`; @param id names the snapshot */
export function partKey(prefix: string, id: string, part: number): string {
  return `${prefix}${id}#${String(part).padStart(4, '0')}`;
}

/** The text of each part. */
export function encodeParts(snapshot: unknown): string[] {
  const data = gzipSync(JSON.stringify(snapshot)).toString('base64');
  const parts: string[] = [];
  for (let from = 0; from < data.length; from += PART_CHARACTERS)
    parts.push(data.slice(from, from + PART_CHARACTERS));
  return parts;
}

/** As strongly consistent reads show it; undefined when it is not whole. */
export async function readParts(
  table: LeaseTable,
  { prefix, id, parts }: { prefix: string; id: string; parts: number },
  signal?: AbortSignal,
): Promise<unknown> {
  const keys = Array.from({ length: parts }, (_, part) => partKey(prefix, id, part));
  const rows = await Promise.all(keys.map((key) => table.get(key, { consistent: true, signal })));
  const data = rows.map((row) => row && text(row, 'data'));
  if (keys.length === 0 || data.includes(undefined)) return undefined;
  try {
    return JSON.parse(gunzipSync(Buffer.from(data.join(''), 'base64')).toString()) as unknown;
  } catch (thrown) {
    throw new KcgError('Conflict', `row ${keys[0]} is no snapshot`, { cause: thrown });
  }
}

/** One part; whoever writes it made its key up, so nobody else does. `ttl` in seconds since the epoch. */
export function putPart(
  key: string,
  { ttl, ...set }: { data: string; ttl: number; parts?: number; import_id?: string },
): RowWrite {
  return { name: 'put snapshot part', key, kind: 'update', when: [], set: { ...set, ttl }, proof: [] };
}

export function deletePart(key: string): RowWrite {
  return { name: 'delete snapshot part', key, kind: 'delete', when: [], proof: [] };
}
