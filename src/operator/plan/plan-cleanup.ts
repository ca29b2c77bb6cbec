import type { Claim } from '../../leases/claim.ts';
import { CLAIM_KEY, type Row } from '../../leases/row.ts';
import { equal, present, type RowWrite } from '../../leases/row-write.ts';
import { NATIVE_KEY_SCHEMA, TTL_ATTRIBUTE, type ObservedTable } from '../../table/table-admin.ts';
import { makerOf } from '../../table/table-tags.ts';

export interface CleanupInput {
  policy: 'Expire' | 'Delete';
  /** With `Expire` only: from now until DynamoDB may delete the rows. */
  expireAfterDays: number;
  table: ObservedTable | undefined;
  rows: readonly Row[];
  claim: Claim | undefined;
  owner: { clusterId: string; resourceUid: string; groupId: string };
  /** Who else may use the table: other groups with rows in it, and other resources that name it. */
  others: readonly string[];
  /** Wall clock, ms since the epoch. */
  nowMs: number;
}

export type Cleanup =
  /** `why`: of what stays; undefined = there is nothing, perhaps not any more. */
  | { do: 'nothing'; why: string | undefined }
  | { do: 'delete table'; isProtected: boolean }
  | { do: 'write rows'; writes: RowWrite[]; what: string };

const NAMED_OTHERS = 3;

/** What a deleted group leaves behind, and how it goes. Rows of a claim that is not ours are not ours. */
export function planCleanup(input: CleanupInput): Cleanup {
  const { policy, table, rows, claim, owner, others } = input;
  if (!table || table.status === 'DELETING') return { do: 'nothing', why: undefined };
  if ((table.replicas ?? []).length > 0) {
    return { do: 'nothing', why: `table ${table.name} is a global table, of which nothing is changed` };
  }
  const isOurs = isMadeFor(owner.groupId, table);
  if (rows.length === 0 && !(isOurs && policy === 'Delete' && others.length === 0))
    return { do: 'nothing', why: undefined };
  const isUnclaimed = claim?.resourceUid === undefined;
  // One that was deleted as soon as it had made the table: nothing in it is anybody's.
  if (isUnclaimed && !(isOurs && policy === 'Delete'))
    return { do: 'nothing', why: 'the group id is not claimed' };
  if (!isUnclaimed && (claim.resourceUid !== owner.resourceUid || claim.clusterId !== owner.clusterId)) {
    return { do: 'nothing', why: 'another resource has claimed the group id' };
  }
  if (policy === 'Delete' && isOurs && others.length === 0) {
    return { do: 'delete table', isProtected: table.deletionProtection };
  }
  // The claim goes last: until then a repeated look finds what is left.
  const ordered = [...rows].sort(
    (a, b) => Number(a.shard_id === CLAIM_KEY) - Number(b.shard_id === CLAIM_KEY),
  );
  if (policy === 'Delete') {
    const what = isOurs ? `deleted; the table stays, as others use it: ${named(others)}` : 'deleted';
    return { do: 'write rows', writes: ordered.map(deleteRow), what };
  }
  const ttl = Math.floor(input.nowMs / 1000) + input.expireAfterDays * 86_400;
  return { do: 'write rows', writes: ordered.map((row) => expireRow(row, ttl)), what: expiring(table) };
}

/** A ttl on a row does nothing by itself. */
function expiring({ ttlAttribute, unread }: ObservedTable): string {
  if (unread?.ttl !== undefined) {
    return `marked to expire; whether the table deletes what is expired is not known: ${unread.ttl}`;
  }
  if (ttlAttribute === TTL_ATTRIBUTE) return 'set to expire';
  const now = ttlAttribute === '' ? 'off' : `on for ${ttlAttribute} instead`;
  return `marked to expire, but they stay: time to live of the table is ${now}. Turn it on for ${TTL_ATTRIBUTE}, or delete them yourself`;
}

/** kcg makes tables with the native key only. */
export function isMadeFor(groupId: string, table: ObservedTable): boolean {
  return makerOf(table) === groupId && table.keySchema === NATIVE_KEY_SCHEMA;
}

function named(others: readonly string[]): string {
  const rest = others.length - NAMED_OTHERS;
  return `${others.slice(0, NAMED_OTHERS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Nobody works on the group any more, so what was read is what is there. */
function deleteRow({ shard_id: key }: Row): RowWrite {
  return { name: 'delete row', key, kind: 'delete', when: [], proof: [] };
}

function expireRow({ shard_id: key }: Row, ttl: number): RowWrite {
  const when = [present('shard_id')];
  const proof = [equal('ttl', ttl)];
  return { name: 'expire row', key, kind: 'update', when, set: { ttl }, proof };
}
