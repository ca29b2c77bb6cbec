import type { Claim } from '../../leases/claim.ts';
import { readClaim } from '../../leases/read-claim.ts';
import { describeError } from '../../lib/errors.ts';
import { NATIVE_KEY_SCHEMA, type ObservedTable, type TableAdmin } from '../../table/table-admin.ts';
import { makerOf } from '../../table/table-tags.ts';
import type { PlacedPass } from '../reconcile-context.ts';
import { tableRecordOf } from './remember-table.ts';

/** Groups asked whether the table is theirs, before one that has no claim in it yet may share it. */
const ASKED_GROUPS = 20;

/**
 * The table as it is, and who made it. Tags say so; but an emulator may not know tags, or drop them, and a person may take
 * them off: then the resource that made it knows, and after that the claims in it do. Each names the creation time, so that
 * nothing is said of a later table of the same name. Where the claim of this very resource is older than the table, that comes from
 * a backup.
 */
export async function observeTable(pass: PlacedPass, admin: TableAdmin): Promise<ObservedTable | undefined> {
  const anew = pass.looksAnew ?? false;
  const observed = await admin.describe({ signal: pass.signal, anew });
  if (observed && (await isMadeAnew(pass, observed))) return { ...observed, isMadeAnew: true };
  // Tags may say of kcg and not of whom.
  if (!observed || makerOf(observed)) return observed;
  const madeAt = tableRecordOf(pass)?.createdAt ?? pass.memory.madeAt;
  if (observed.createdAt === madeAt) return { ...observed, maker: pass.groupId };
  return { ...observed, ...(await whatRowsSay(pass, observed)) };
}

/** One that is restored from a backup has a claim. Where it cannot be read, nothing begins anew either. */
async function isMadeAnew(pass: PlacedPass, observed: ObservedTable): Promise<boolean> {
  const heldIn = tableRecordOf(pass)?.heldIn;
  if (heldIn === undefined || heldIn === observed.createdAt || !isReadable(observed)) return false;
  const { options, target, groupId, signal } = pass;
  try {
    const claim = await readClaim(await options.aws.leaseTable(target, signal), signal);
    return claim?.resourceUid === undefined;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    options.log.debug('cannot tell whether the group has a claim', {
      group: groupId,
      error: describeError(thrown),
    });
    return false;
  }
}

function isReadable({ status }: ObservedTable): boolean {
  return status === 'ACTIVE' || status === 'UPDATING';
}

async function whatRowsSay(
  pass: PlacedPass,
  observed: ObservedTable,
): Promise<Pick<ObservedTable, 'maker' | 'isRestored'>> {
  const { options, target, groupId, group, object, signal } = pass;
  if (!isReadable(observed) || observed.keySchema !== NATIVE_KEY_SCHEMA) return {};
  const claimOf = async (id: string) =>
    readClaim(await options.aws.leaseTable({ ...target, groupId: id }, signal), signal);
  const isMaker = (claim: Claim | undefined) => claim?.tableMadeAt === observed.createdAt;
  try {
    const claim = await claimOf(groupId);
    if (isMaker(claim)) return { maker: groupId };
    const isMine = claim?.resourceUid === object.metadata.uid;
    if (isMine && (claim.claimedAt ?? Infinity) < observed.createdAt) return { isRestored: true };
    const { management, adoption } = group.spec.checkpoints.table;
    if (management === 'External' || adoption === 'Always' || tableRecordOf(pass)?.claimed) return {};
    const others = await options.aws.groupIds(target, { limit: ASKED_GROUPS, signal });
    for (const id of others) if (isMaker(await claimOf(id))) return { maker: id };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    // Then nobody says so, and the table is not ours.
    options.log.debug('cannot ask the rows who made the table', {
      group: groupId,
      error: describeError(thrown),
    });
  }
  return {};
}
