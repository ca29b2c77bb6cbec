import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { RowWrite } from '../../leases/row-write.ts';
import { text, type Row } from '../../leases/row.ts';
import type { ClaimVerdict } from './judge-claim.ts';

/*
 * Which range the positions of a group id are of. A shard ends where the range does, so to another range, and to a group that has
 * none, they say that all is read. The claim tells it from when a resource has claimed the id.
 */

const CLAIMED_RANGE = 'claimed_range';

/** Undefined = the group has none. One range has one text, however its times are written. */
export function rangeOf({ spec: { range } }: Pick<KinesisConsumerGroup, 'spec'>): string | undefined {
  return range && `${new Date(range.from).toISOString()}/${new Date(range.to).toISOString()}`;
}

/** `claim`, for a group of this range. Without a position nothing is complete either. */
export function claimForRange(
  claim: RowWrite,
  { range, hasPositions }: { range: string | undefined; hasPositions: boolean },
): RowWrite {
  const remove = [...(claim.remove ?? []), ...(hasPositions ? [] : ['completed_at'])];
  if (range === undefined) return { ...claim, remove: [...remove, CLAIMED_RANGE] };
  return { ...claim, set: { ...claim.set, [CLAIMED_RANGE]: range }, remove };
}

/** Of positions that another resource has left, whose claim is `row`: why this group may not go on from them, if it may not. */
export function judgeRange(
  row: Row | undefined,
  range: string | undefined,
): Extract<ClaimVerdict, { verdict: 'refused' }> | undefined {
  const left = row && text(row, CLAIMED_RANGE);
  if (left === range) return undefined;
  const was = left === undefined ? 'a group without spec.range' : `a group with the range ${left}`;
  const is = range === undefined ? 'this one has none' : `this one has ${range}`;
  const message = `the positions under this group id are of ${was}, and ${is}: they would tell what was not read for read; no worker runs, so that nothing is skipped. Apply this KinesisConsumerGroup under another name or with another groupId; or, to begin anew under this one, delete the group's rows from the table, or the table when no other group uses it.`;
  return { verdict: 'refused', reason: 'RangeReplaced', message };
}
