import { compareCheckpoints } from '../kinesis/position.ts';
import { decodeRows, type GroupRows } from '../leases/group-rows.ts';
import { IMPORT_PREFIX, type ImportRecord } from '../leases/import-record.ts';
import { deleteImported, forgetImport, IMPORTED, undoImport } from '../leases/import-writes.ts';
import type { Lease } from '../leases/lease.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { deletePart, partKey } from '../leases/snapshot-parts.ts';
import type { NewLease } from '../leases/transitions.ts';
import { hasCode, KcgError } from '../lib/errors.ts';
import { readSnapshot } from './import-snapshot.ts';

/** What there is to undo, or why it cannot be. Pure. */
export type UndoVerdict =
  | { verdict: 'nothing' }
  | { verdict: 'refused'; why: string }
  | { verdict: 'undo'; record: ImportRecord; leases: readonly Lease[] };

/**
 * Nothing may have been processed: every row stands where the import has put it, and a shard that workers have added has not
 * begun. `made`: undefined = not known any more; then only rows that no worker has had are known to stand still. `living`:
 * workers that may be alive.
 */
function judgeUndo({
  rows: { claim, leases },
  made,
  living,
}: {
  rows: Pick<GroupRows, 'claim' | 'leases'>;
  made: readonly NewLease[] | undefined;
  living: readonly string[];
}): UndoVerdict {
  const record = claim?.imported;
  if (record === undefined) return { verdict: 'nothing' };
  if (living.length > 0) {
    const why = `worker ${living[0]} runs; stop the group first (desiredState: Stopped)`;
    return { verdict: 'refused', why };
  }
  const at = made && new Map(made.map((lease) => [lease.shardId, lease]));
  const moved = leases.find((lease) => hasMoved(lease, at));
  if (moved) {
    const why = `${moved.shardId} has been read since: it stands at ${positionOf(moved)}. What was processed cannot be undone; leave by kcg export`;
    return { verdict: 'refused', why };
  }
  return { verdict: 'undo', record, leases };
}

function hasMoved(lease: Lease, made: ReadonlyMap<string, NewLease> | undefined): boolean {
  if (made === undefined) return !(lease.lastChange?.why === IMPORTED && lease.owner === undefined);
  const put = made.get(lease.shardId);
  const { checkpoint } = lease;
  if (put) return put.checkpoint.at !== checkpoint.at || compareCheckpoints(put.checkpoint, checkpoint) !== 0;
  return checkpoint.at === 'SEQUENCE' || checkpoint.at === 'SHARD_END';
}

function positionOf({ checkpoint }: Lease): string {
  return checkpoint.at === 'SEQUENCE' ? checkpoint.sequence : checkpoint.at;
}

export interface UndoOptions {
  table: LeaseTable;
  /** Which of the workers may be alive. */
  livingOf: (rows: GroupRows) => readonly string[];
  signal: AbortSignal;
}

/**
 * Removes what an import has written, so that another may come; after a crash, a second run ends it.
 * @returns what was undone; undefined = there was nothing to
 * @throws KcgError `Conflict` when something was processed or may be right now; as `LeaseTable` does
 */
export async function undoImportOf({
  table,
  livingOf,
  signal,
}: UndoOptions): Promise<ImportRecord | undefined> {
  const before = await judge({ table, livingOf, signal });
  if (before.verdict === 'nothing') return undefined;
  const { record } = before;
  const marked = await table.write(undoImport(record), { signal });
  if (marked.outcome === 'lost') throw new KcgError('Conflict', 'the import has changed meanwhile', AGAIN);
  // Workers that begin from here on hold still; one that began before shows in the rows.
  const { leases } = before;
  for (const lease of leases.toReversed()) {
    const { outcome, row } = await table.write(deleteImported(lease), { signal });
    if (outcome === 'lost' && row !== undefined) {
      throw new KcgError('Conflict', `${lease.shardId} has changed meanwhile`, AGAIN);
    }
  }
  for (let part = 0; part < record.parts; part += 1)
    await table.write(deletePart(partKey(IMPORT_PREFIX, record.id, part)), { signal });
  await table.write(forgetImport(record), { signal });
  return record;
}

const AGAIN = { fix: 'Stop the workers of the group, and undo it again.' };

async function judge({ table, livingOf, signal }: UndoOptions) {
  const rows = decodeRows(await table.query('all', { consistent: true, signal }));
  const record = rows.claim?.imported;
  const made = record && (await madeBy(table, record, signal));
  const verdict = judgeUndo({ rows, made, living: livingOf(rows) });
  if (verdict.verdict !== 'refused') return verdict;
  throw new KcgError('Conflict', `the import cannot be undone: ${verdict.why}`);
}

async function madeBy(
  table: LeaseTable,
  record: ImportRecord,
  signal: AbortSignal,
): Promise<NewLease[] | undefined> {
  try {
    return (await readSnapshot(table, record, signal)).shards.map(({ lease }) => lease);
  } catch (thrown) {
    if (hasCode(thrown, 'Conflict')) return undefined;
    throw thrown;
  }
}
