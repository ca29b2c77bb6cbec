import type { Page } from './page-data.ts';

/*
 * A page of a thousand shards is half a megabyte, and from look to look some fields of its rows change: only those are sent, since
 * a browser takes longer to receive them than to draw them. Lists whose entries have an `id` go by entry, everything else as a whole.
 */

type Fields = Record<string, unknown>;
interface Entry extends Fields {
  id: string;
}

interface FieldChange {
  /** Fields with their new values. */
  set?: Fields;
  /** Fields that are no longer there. */
  gone?: string[];
}

export interface PageChange extends FieldChange {
  /** Of lists of entries: those that are new or other than before, and the order of all when that has changed. */
  lists?: Record<string, ListChange>;
}

interface ListChange {
  entries: (FieldChange & { id: string })[];
  order?: string[];
}

/** Undefined: nothing has changed. */
export function changeOf(before: Page, after: Page): PageChange | undefined {
  const old = before as unknown as Fields;
  const now = after as unknown as Fields;
  const lists: Record<string, ListChange> = {};
  const isList = (name: string) => isEntries(old[name]) && isEntries(now[name]);
  for (const name of Object.keys(now).filter(isList)) {
    const change = listChange(old[name] as Entry[], now[name] as Entry[]);
    if (change) lists[name] = change;
  }
  const fields = fieldChange(old, now, isList);
  const hasLists = Object.keys(lists).length > 0;
  return fields || hasLists ? { ...fields, ...(hasLists && { lists }) } : undefined;
}

/** Entries that have not changed stay the same objects. */
export function applyChange(page: Page, { lists = {}, ...fields }: PageChange): Page {
  const next = changed(page as unknown as Fields, fields);
  for (const [name, { entries, order }] of Object.entries(lists)) {
    const old = next[name] as Entry[];
    const byId = new Map(old.map((entry) => [entry.id, entry]));
    for (const { id, ...change } of entries) byId.set(id, { ...changed(byId.get(id) ?? {}, change), id });
    next[name] = (order ?? old.map(({ id }) => id)).flatMap((id) => byId.get(id) ?? []);
  }
  return next as unknown as Page;
}

function changed(old: Fields, { set, gone = [] }: FieldChange): Fields {
  const next = { ...old, ...set };
  for (const name of gone) delete next[name];
  return next;
}

function fieldChange(old: Fields, now: Fields, isOther: (name: string) => boolean): FieldChange | undefined {
  const change: Required<FieldChange> = { set: {}, gone: [] };
  for (const [name, value] of Object.entries(now)) {
    if (value !== undefined && !isOther(name) && !isSame(old[name], value)) change.set[name] = value;
  }
  change.gone = Object.keys(old).filter((name) => old[name] !== undefined && now[name] === undefined);
  const [hasSet, hasGone] = [Object.keys(change.set).length > 0, change.gone.length > 0];
  if (!hasSet && !hasGone) return undefined;
  return { ...(hasSet && { set: change.set }), ...(hasGone && { gone: change.gone }) };
}

function listChange(before: readonly Entry[], after: readonly Entry[]): ListChange | undefined {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const entries = after.flatMap((entry) => {
    const { id } = entry;
    const change = fieldChange(old.get(id) ?? {}, entry, (name) => name === 'id');
    return change || !old.has(id) ? [{ id, ...change }] : [];
  });
  const isInOrder =
    before.length === after.length && after.every(({ id }, index) => before[index]!.id === id);
  if (isInOrder) return entries.length > 0 ? { entries } : undefined;
  return { entries, order: after.map(({ id }) => id) };
}

function isEntries(value: unknown): value is Entry[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each: Partial<Entry>) => typeof each?.id === 'string')
  );
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  // Most are words and numbers, which are not the same then.
  return typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b);
}
