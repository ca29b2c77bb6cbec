import { TABLE_ANNOTATION } from '../../api/labels.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';

/*
 * What the resource itself has to know of its table, since a table that is gone tells nothing: an annotation, so that neither
 * a restart nor a status that is lost forgets it. It names the resource's uid, so that it says nothing in a copy: a group
 * that is applied again, or restored from a backup, begins without.
 */

export interface TableRecord {
  /** Which table: `tableKey` of the group's target. */
  table: string;
  /** Creation time of the table when this very resource made it, ms since the epoch; undefined = it was there. */
  createdAt?: number | undefined;
  /** The resource has held the claim in it: without the table, positions are lost. */
  claimed: boolean;
}

/** Undefined when there is none for this table, or when it is of another resource. */
export function readTableRecord(
  { metadata }: Pick<StoredObject, 'metadata'>,
  table: string,
): TableRecord | undefined {
  const record = parse(metadata.annotations?.[TABLE_ANNOTATION]);
  if (record?.['uid'] !== metadata.uid || record['table'] !== table) return undefined;
  const { createdAt, claimed } = record;
  return {
    table,
    createdAt: typeof createdAt === 'number' ? createdAt : undefined,
    claimed: claimed === true,
  };
}

/** The annotation to set. */
export function writeTableRecord(
  { metadata }: Pick<StoredObject, 'metadata'>,
  record: TableRecord,
): Record<string, string> {
  return { [TABLE_ANNOTATION]: JSON.stringify({ uid: metadata.uid, ...record }) };
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // somebody else's words
  }
}
