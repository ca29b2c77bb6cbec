import { describeError } from '../../lib/errors.ts';
import { readClaim } from '../../leases/read-claim.ts';
import type { ObservedTable } from '../../table/table-admin.ts';
import { SETTINGS_TAG } from '../../table/table-tags.ts';
import { isTableExternal, usersOf } from '../observe/group-indexes.ts';
import { resourceNameOf } from './reconcile-claim.ts';
import type { PlacedPass } from '../reconcile-context.ts';

/** A group that has just made the table has not claimed its id yet. */
const YOUNG_MS = 600_000;

/**
 * Whether the group that holds the table's settings is known not to exist any more: no resource of this cluster has its id,
 * and its claim is of a resource that is gone, or there is none. Of another cluster's group nothing is known. One that had them
 * by a tag and leaves the table to somebody else is as good as gone: it touches no tag, its own neither.
 */
export async function isHolderGone(
  pass: PlacedPass,
  holder: string,
  observed: ObservedTable,
): Promise<boolean> {
  const { options, target, signal } = pass;
  const users = usersOf(options.caches.groups, target.table, holder);
  if (users.length > 0) return observed.tags[SETTINGS_TAG] === holder && users.every(isTableExternal);
  try {
    const rows = await options.aws.leaseTable({ ...target, groupId: holder }, signal);
    const claim = await readClaim(rows, signal);
    // In a table of one group the row may be another's.
    if (claim?.resourceUid === undefined || (claim.groupId ?? holder) !== holder) {
      return options.clock.now() - observed.createdAt > YOUNG_MS;
    }
    const clusterId = await options.cluster.clusterId({ signal });
    return (
      claim.clusterId === clusterId && resourceNameOf(pass, claim.resourceUid, claim.namespace) === false
    );
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    options.log.debug('cannot tell whether a group is gone', {
      group: holder,
      error: describeError(thrown),
    });
    return false;
  }
}
