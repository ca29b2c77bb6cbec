import { TABLE_ANNOTATION } from '../../api/labels.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import { readOwn, writeOwn } from './own-annotation.ts';

/*
 * What the resource itself has to know of its table, since a table that is gone tells nothing: an annotation, so that neither
 * a restart nor a status that is lost forgets it.
 */

export interface TableRecord {
  /** Which table: `tableKey` of the group's target. */
  table: string;
  /** Creation time of the table when this very resource made it, ms since the epoch; undefined = it was there. */
  createdAt?: number | undefined;
  /** The resource has held the claim in it: without the table, positions are lost. */
  claimed: boolean;
  /** Creation time of the table in which it first had the claim, ms since the epoch; undefined = not known. */
  heldIn?: number | undefined;
}

/** Undefined when there is none for this table, or when it is of another resource. */
export function readTableRecord(
  object: Pick<StoredObject, 'metadata'>,
  table: string,
): TableRecord | undefined {
  const record = readOwn(object, TABLE_ANNOTATION);
  if (record?.['table'] !== table) return undefined;
  const { createdAt, claimed, heldIn } = record;
  return {
    table,
    createdAt: typeof createdAt === 'number' ? createdAt : undefined,
    claimed: claimed === true,
    heldIn: typeof heldIn === 'number' ? heldIn : undefined,
  };
}

/** The annotation to set. */
export function writeTableRecord(
  object: Pick<StoredObject, 'metadata'>,
  record: TableRecord,
): Record<string, string> {
  return { [TABLE_ANNOTATION]: writeOwn(object, record) };
}
