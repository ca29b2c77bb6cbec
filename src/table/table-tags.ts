import { createHash } from 'node:crypto';
import type { ObservedTable, TableStep } from './table-admin.ts';

/*
 * Tags say who made a table, and which of its other tags kcg has set for which group: what a later spec no longer asks for is
 * known from the table itself, whatever happened in between. The list is in a tag of its own, written by the same call as
 * the tags it lists.
 */

/** Tag that marks a table as created by kcg. */
export const CREATED_BY_TAG = 'kcg.dev/created-by';
/** Tag that says which group created it. */
export const GROUP_TAG = 'kcg.dev/group-id';
/** Tag that says which group's spec has the table's settings, where that is not the group that created it. */
export const SETTINGS_TAG = 'kcg.dev/settings-by';
/** Followed by the short name of the group whose tags it lists, by their short names: 40 keys would not fit in a tag. */
const TAG_LIST = 'kcg.dev/tags-';
/** Characters of a short name: two keys of a table have the same by a chance of one in a million, at most. */
const SHORT = 5;

type Tags = Readonly<Record<string, string>>;

/** The group that made it, by its tags, else by what is known without them. Undefined when kcg did not, for all we know. */
export function makerOf({ tags, maker }: ObservedTable): string | undefined {
  return tags[CREATED_BY_TAG] === 'kcg' ? (tags[GROUP_TAG] ?? maker ?? '') : maker;
}

/** For whichever group. */
export function isCreatedByKcg(observed: ObservedTable): boolean {
  return makerOf(observed) !== undefined;
}

/** The one group whose spec has the table's settings; undefined = nobody yet, for one that kcg did not create. */
export function settingsHolder({ tags, maker }: ObservedTable): string | undefined {
  return tags[SETTINGS_TAG] ?? tags[GROUP_TAG] ?? maker;
}

export function isTagList(key: string): boolean {
  return key.startsWith(TAG_LIST);
}

/** Tags of the table that kcg has set for the group, ours and those of others left out; sorted. */
export function tagKeysSetFor(groupId: string, { tags }: ObservedTable): string[] {
  const listed = tags[TAG_LIST + short(groupId)] ?? '';
  const names = new Set(listed.match(new RegExp(`.{${SHORT}}`, 'gs')) ?? []);
  return Object.keys(tags)
    .filter((key) => names.has(short(key)) && !/^(aws:|kcg\.dev\/)/.test(key))
    .sort();
}

/** What a new table is given. */
export function tagsOfNew(asked: Tags | undefined, ownership: Tags): Record<string, string> {
  return { ...asked, ...listOf(ownership, Object.keys(asked ?? {})), ...ownership };
}

/** Sets what is asked for and takes off what was, and is no more; tags of others stay. */
export function tagSteps(asked: Tags = {}, ownership: Tags, observed: ObservedTable): TableStep[] {
  const groupId = ownership[GROUP_TAG] ?? '';
  // Only a table of ours carries our tags: an adopted one would look as if we had made it, and be deleted with the group.
  const owned = makerOf(observed) === groupId ? ownership : {};
  const isAsked = Object.keys(asked).length > 0;
  const stale = tagKeysSetFor(groupId, observed).filter((key) => !(key in asked));
  // What is still to be taken off stays listed until it is; the last ones go together with the list.
  const holder = settingsHolder(observed);
  const isMine = holder === undefined || holder === groupId;
  const list = isAsked && isMine ? listOf(ownership, [...Object.keys(asked), ...stale]) : {};
  const wanted = { ...asked, ...list, ...owned };
  const missing = Object.entries(wanted).filter(([key, value]) => observed.tags[key] !== value);
  const steps: TableStep[] = missing.length > 0 ? [{ do: 'tag', tags: Object.fromEntries(missing) }] : [];
  const listTag = TAG_LIST + short(groupId);
  const keys = [...stale, ...(!isAsked && listTag in observed.tags ? [listTag] : [])];
  if (keys.length > 0) steps.push({ do: 'untag', keys });
  return steps;
}

function listOf(ownership: Tags, keys: readonly string[]): Record<string, string> {
  if (keys.length === 0) return {};
  return { [TAG_LIST + short(ownership[GROUP_TAG] ?? '')]: [...keys].sort().map(short).join('') };
}

/** AWS allows these characters in a tag. */
function short(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, SHORT);
}
