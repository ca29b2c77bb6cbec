import { readClaim } from '../../leases/read-claim.ts';
import { describeError } from '../../lib/errors.ts';
import { NATIVE_KEY_SCHEMA, type ObservedTable, type TableAdmin } from '../../table/table-admin.ts';
import { isCreatedByKcg } from '../../table/table-tags.ts';
import type { PlacedPass } from '../reconcile-context.ts';
import { tableRecordOf } from './remember-table.ts';

/** Groups asked whether the table is theirs, before one that has no claim in it yet may share it. */
const ASKED_GROUPS = 20;

/**
 * The table as it is, and who made it. Tags say so; but an emulator may not know tags, or drop them, and a person may take
 * them off: then the resource that made it knows, and after that the claims in it do. Each names the creation time, so that
 * nothing is said of a later table of the same name.
 */
export async function observeTable(pass: PlacedPass, admin: TableAdmin): Promise<ObservedTable | undefined> {
  const anew = pass.looksAnew ?? false;
  const observed = await admin.describe({ signal: pass.signal, anew });
  if (!observed || isCreatedByKcg(observed)) return observed;
  const madeAt = tableRecordOf(pass)?.createdAt ?? pass.memory.madeAt;
  const maker = observed.createdAt === madeAt ? pass.groupId : await makerByRows(pass, observed);
  return maker === undefined ? observed : { ...observed, maker };
}

async function makerByRows(pass: PlacedPass, observed: ObservedTable): Promise<string | undefined> {
  const { options, target, groupId, group, signal } = pass;
  const isReadable = observed.status === 'ACTIVE' || observed.status === 'UPDATING';
  if (!isReadable || observed.keySchema !== NATIVE_KEY_SCHEMA) return undefined;
  const isMaker = async (id: string) => {
    const rows = await options.aws.leaseTable({ ...target, groupId: id }, signal);
    const claim = await readClaim(rows, signal);
    return claim?.tableMadeAt === observed.createdAt;
  };
  try {
    if (await isMaker(groupId)) return groupId;
    const { management, adoption } = group.spec.checkpoints.table;
    if (management === 'External' || adoption === 'Always' || tableRecordOf(pass)?.claimed) return undefined;
    const others = await options.aws.groupIds(target, { limit: ASKED_GROUPS, signal });
    for (const id of others) if (await isMaker(id)) return id;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    // Then nobody says so, and the table is not ours.
    options.log.debug('cannot ask the rows who made the table', {
      group: groupId,
      error: describeError(thrown),
    });
  }
  return undefined;
}
