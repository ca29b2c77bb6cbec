import type { GroupStatus } from '../../api/group-status.ts';
import { TABLE_ANNOTATION } from '../../api/labels.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { tableKey, type GroupTarget } from '../group-target.ts';
import { readTableRecord, writeTableRecord, type TableRecord } from '../plan/table-record.ts';
import { lookAgain, type PlacedPass } from '../reconcile-context.ts';

/** What the group's annotation says of the table that it uses now, or its status where there is none. */
export function tableRecordOf({
  object,
  target,
}: Pick<PlacedPass, 'object' | 'target'>): TableRecord | undefined {
  return readTableRecord(object, tableKey(target)) ?? recordByStatus(object, target);
}

/** Of a group that worked with its table before there was the annotation, or whose annotations somebody has replaced. */
function recordByStatus({ metadata, status }: StoredObject, target: GroupTarget): TableRecord | undefined {
  const { table, conditions = [] } = (status ?? {}) as GroupStatus;
  if (metadata.annotations?.[TABLE_ANNOTATION] !== undefined || table?.name !== target.table)
    return undefined;
  const claimed = conditions.some(({ type, status }) => type === 'GroupClaimed' && status === 'True');
  return claimed ? { table: tableKey(target), claimed } : undefined;
}

/**
 * Writes down what must be known when the table is gone; no write when it is known already.
 * @returns false when the resource has changed meanwhile: the next look does it
 * @throws KcgError as `Cluster` does
 */
export async function rememberTable(
  pass: PlacedPass,
  change: Partial<Omit<TableRecord, 'table'>>,
): Promise<boolean> {
  const known = readTableRecord(pass.object, tableKey(pass.target));
  const record = { claimed: false, ...known, table: tableKey(pass.target), ...change };
  const fields = ['claimed', 'createdAt', 'heldIn'] as const;
  if (known && fields.every((field) => known[field] === record[field])) return true;
  const { options, object, signal } = pass;
  const patch = { annotations: writeTableRecord(object, record) };
  const result = await options.cluster.patchMetadata(KINDS.consumerGroup, object, patch, { signal });
  if (result.outcome === 'patched') pass.object = result.object;
  else lookAgain(pass, 1_000);
  return result.outcome === 'patched';
}
