import { listGroupIds } from '../../leases/dynamodb/groups.ts';
import {
  openLeaseTable,
  type DynamoDbLeaseTable,
  type LeaseTableOptions,
} from '../../leases/dynamodb/lease-table.ts';
import { readClaim } from '../../leases/read-claim.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { nearestOf } from '../../lib/nearest.ts';

const MAX_GROUPS_NAMED = 20;

/**
 * The rows of a group that flags tell of, or of the only one in the table.
 * @throws KcgError `NotFound` when the group has no row, `InvalidInput` when several groups could be meant
 */
export async function groupInTable(
  at: Omit<LeaseTableOptions, 'groupId'>,
  groupId: string | undefined,
  signal: AbortSignal,
): Promise<{ table: DynamoDbLeaseTable; groupId: string | undefined }> {
  const name = at.tableName;
  const table = await openLeaseTable({ ...at, groupId: groupId ?? '' }, signal);
  if (table.layout === 'shard_id') return { table, groupId: await onlyGroup(table, name, groupId, signal) };
  if (groupId !== undefined && (await table.query('all', { consistent: true, signal })).length > 0) {
    return { table, groupId };
  }
  const groups = await groupsIn(at, signal);
  if (groups?.length === 0) return { table, groupId };
  if (groupId !== undefined) {
    const near = groups && nearestOf(groupId, groups);
    throw new KcgError('NotFound', `table ${name} has no row of group ${groupId}`, {
      fix: near ? `Did you mean --group ${near}?` : groups && `It holds: ${groups.join(', ')}.`,
    });
  }
  const [only] = groups ?? [];
  if (only !== undefined && groups?.length === 1) {
    return { table: await openLeaseTable({ ...at, groupId: only }, signal), groupId: only };
  }
  throw new KcgError('InvalidInput', `table ${name} ${groups ? 'holds' : 'may hold'} several groups`, {
    fix: `Choose one with --group${groups ? `: ${groups.join(', ')}` : ''}.`,
  });
}

/** Undefined = not to be known: reading one group does not need Scan. */
async function groupsIn(
  at: Omit<LeaseTableOptions, 'groupId'>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  try {
    return await listGroupIds(at, { limit: MAX_GROUPS_NAMED, signal });
  } catch (thrown) {
    if (hasCode(thrown, 'AccessDenied')) return undefined;
    throw thrown;
  }
}

/** A table whose key is `shard_id` alone is one group's; its claim says whose, if kcg has used it. */
async function onlyGroup(
  table: DynamoDbLeaseTable,
  name: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const claimed = (await readClaim(table, signal))?.groupId;
  if (claimed === undefined || wanted === undefined || claimed === wanted) return claimed ?? wanted;
  throw new KcgError('NotFound', `table ${name} holds one group, and that is ${claimed}`, {
    fix: `Name --group ${claimed}, or the table of ${wanted}.`,
  });
}
