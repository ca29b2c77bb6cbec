import type { DesiredTable } from './desired-table.ts';
import type { ObservedTable, TableStep } from './table-admin.ts';
import { describeChange } from './table-changes.ts';
import { GROUP_TAG, settingsHolder, SETTINGS_TAG } from './table-tags.ts';

/*
 * Groups that share a table may ask for different settings, and would change them back and forth. So one group holds the
 * settings: the one that made the table, unless a tag names another. Of a table that kcg did not make it is the first that
 * asks for what is not so. Others are told what differs, and who holds it; when that group is gone, the next one that asks
 * takes over, with the tag first and alone: of two that take it at once, the later look shows both who it is.
 */

export interface Settled {
  /** What is to be done of `wanted`, or in its stead. */
  steps: TableStep[];
  notes: string[];
  /** Another group whose settings they are, and which differ from what is asked for. */
  heldBy?: string | undefined;
}

/**
 * @param isGone the group that holds the settings is known not to exist any more
 * @param isRival another resource has claimed the group id, and the settings that go with it
 */
export function settleSettings(
  desired: DesiredTable,
  observed: ObservedTable,
  { wanted, isGone, isRival }: { wanted: TableStep[]; isGone: boolean; isRival: boolean },
): Settled {
  const groupId = desired.ownershipTags[GROUP_TAG] ?? '';
  const holder = settingsHolder(observed);
  const differs = wanted.map((step) => describeChange(step, observed)).join(', ');
  if (isRival) {
    if (wanted.length === 0) return { steps: [], notes: [] };
    const note = `left as it is, since another resource has claimed group id ${groupId}; is → asked for: ${differs}`;
    return { steps: [], notes: [note], heldBy: groupId };
  }
  if (holder === groupId) return { steps: [...wanted, ...release(desired, observed)], notes: [] };
  if (wanted.length === 0) return { steps: [], notes: [] };
  const canTag = observed.unread?.tags === undefined;
  const take: TableStep = { do: 'tag', tags: { [SETTINGS_TAG]: groupId } };
  // Where tags are not known, nobody can say whose they are.
  if (holder === undefined) return { steps: canTag ? [take] : wanted, notes: [] };
  if (isGone && canTag) return { steps: [take], notes: [] };
  const note = `left to group ${holder}, which holds the settings of this table; is → asked for: ${differs}. Set these in group ${holder}; once it is deleted, or the table's tag ${SETTINGS_TAG} names ${groupId}, this group has them`;
  return { steps: [], notes: [note], heldBy: holder };
}

/** A group that asks for nothing any more leaves the settings to whoever does. */
function release(desired: DesiredTable, { tags }: ObservedTable): TableStep[] {
  const isHeldByTag = tags[SETTINGS_TAG] === desired.ownershipTags[GROUP_TAG];
  return isHeldByTag && !isAsking(desired) ? [{ do: 'untag', keys: [SETTINGS_TAG] }] : [];
}

function isAsking({ tags = {}, ...desired }: DesiredTable): boolean {
  const { billing, deletionProtection, pointInTimeRecovery, key, tableClass } = desired;
  const asked = [billing, deletionProtection, pointInTimeRecovery, key, tableClass];
  return Object.keys(tags).length > 0 || asked.some((setting) => setting !== undefined);
}
