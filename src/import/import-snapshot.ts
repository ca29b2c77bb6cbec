import { IMPORT_PREFIX, type ImportRecord } from '../leases/import-record.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { encodeParts, readParts } from '../leases/snapshot-parts.ts';
import { KcgError } from '../lib/errors.ts';
import type { ForeignPositions, ForeignRows } from './foreign-store.ts';
import type { ImportedShard } from './plan-import.ts';

/** What an import read and made: kept beside the group's rows, where every reader of rows passes over it. */
export interface ImportSnapshot {
  layout: 1;
  /** Parents first. */
  shards: readonly ImportedShard[];
  notes: readonly string[];
  /** As the other program had written them; left out where the source has none, or more than is kept. */
  rows?: ForeignRows | undefined;
  positions?: Omit<ForeignPositions, 'skipped'> | undefined;
}

/** All rows of a group are read now and then by each of its workers. */
const MOST_PARTS = 4;

/** The text of each part. */
export function encodeSnapshot(snapshot: ImportSnapshot): string[] {
  const whole = encodeParts(snapshot);
  if (whole.length <= MOST_PARTS) return whole;
  const { layout, shards, notes } = snapshot;
  return encodeParts({ layout, shards, notes });
}

/** @throws KcgError `Conflict` when it is not whole */
export async function readSnapshot(
  table: LeaseTable,
  { id, parts }: Pick<ImportRecord, 'id' | 'parts'>,
  signal?: AbortSignal,
): Promise<ImportSnapshot> {
  const snapshot = await readParts(table, { prefix: IMPORT_PREFIX, id, parts }, signal);
  if (snapshot !== undefined) return snapshot as ImportSnapshot;
  throw new KcgError('Conflict', `what import ${id} has read is not in the table any more`, {
    fix: 'Undo the import with kcg import --undo, which then removes what it has written and nothing else.',
  });
}
