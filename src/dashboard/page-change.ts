import type { Page } from './page-data.ts';

/*
 * A page of a thousand shards is half a megabyte, and from look to look a few rows change: only those are sent. Lists whose
 * entries have an `id` go by entry, everything else as a whole.
 */

type Fields = Record<string, unknown>;
interface Entry {
  id: string;
}

export interface PageChange {
  /** Fields with their new values. */
  set: Fields;
  /** Fields that are no longer there. */
  gone: string[];
  /** Of lists of entries: those that are new or other than before, and the order of all when that has changed. */
  lists: Record<string, { entries: Entry[]; order?: string[] }>;
}

/** Undefined: nothing has changed. */
export function changeOf(before: Page, after: Page): PageChange | undefined {
  const old = before as unknown as Fields;
  const change: PageChange = { set: {}, gone: [], lists: {} };
  for (const [name, value] of Object.entries(after)) {
    if (isSame(old[name], value)) continue;
    if (isEntries(value) && isEntries(old[name])) change.lists[name] = listChange(old[name], value);
    else change.set[name] = value;
  }
  const now = after as unknown as Fields;
  change.gone = Object.keys(old).filter((name) => old[name] !== undefined && now[name] === undefined);
  const isEmpty = [change.set, change.gone, change.lists].every((part) => Object.keys(part).length === 0);
  return isEmpty ? undefined : change;
}

/** Entries that have not changed stay the same objects. */
export function applyChange(page: Page, { set, gone, lists }: PageChange): Page {
  const next = { ...page, ...set } as Fields;
  for (const name of gone) delete next[name];
  for (const [name, { entries, order }] of Object.entries(lists)) {
    const old = (page as unknown as Record<string, Entry[]>)[name] ?? [];
    const byId = new Map([...old, ...entries].map((entry) => [entry.id, entry]));
    next[name] = (order ?? old.map(({ id }) => id)).flatMap((id) => byId.get(id) ?? []);
  }
  return next as unknown as Page;
}

function listChange(before: readonly Entry[], after: readonly Entry[]): PageChange['lists'][string] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const entries = after.filter((entry) => !isSame(old.get(entry.id), entry));
  const isInOrder =
    before.length === after.length && after.every(({ id }, index) => before[index]!.id === id);
  return isInOrder ? { entries } : { entries, order: after.map(({ id }) => id) };
}

function isEntries(value: unknown): value is Entry[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each: Partial<Entry>) => typeof each?.id === 'string')
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
