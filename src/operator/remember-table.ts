import { KINDS } from '../kubernetes/cluster.ts';
import { tableKey } from './aws-account.ts';
import { readTableRecord, writeTableRecord, type TableRecord } from './plan/table-record.ts';
import { lookAgain, type PlacedPass } from './reconcile-context.ts';

/** What the group's annotation says of the table that it uses now. */
export function tableRecordOf({ object, target }: PlacedPass): TableRecord | undefined {
  return readTableRecord(object, tableKey(target));
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
  const known = tableRecordOf(pass);
  const record = { claimed: false, ...known, table: tableKey(pass.target), ...change };
  if (known?.claimed === record.claimed && known.createdAt === record.createdAt) return true;
  const { options, object, signal } = pass;
  const patch = { annotations: writeTableRecord(object, record) };
  const result = await options.cluster.patchMetadata(KINDS.consumerGroup, object, patch, { signal });
  if (result.outcome === 'patched') pass.object = result.object;
  else lookAgain(pass, 1_000);
  return result.outcome === 'patched';
}
