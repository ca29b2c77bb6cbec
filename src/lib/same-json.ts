/**
 * Whether both are the same once written as JSON, whatever the order of their fields: one that is undefined is none. Much is compared
 * all the time, so it makes nothing: no list of names, no closure.
 */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && areSameLists(a, b);
  return hasSame(a as Fields, b as Fields);
}

type Fields = Readonly<Record<string, unknown>>;

function areSameLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (!isSameJson(a[index], b[index])) return false;
  return true;
}

function hasSame(a: Fields, b: Fields): boolean {
  let more = 0;
  for (const name in a) {
    if (a[name] === undefined) continue;
    if (!isSameJson(a[name], b[name])) return false;
    more += 1;
  }
  for (const name in b) if (b[name] !== undefined) more -= 1;
  return more === 0;
}
