/** Whether both are the same once written as JSON, whatever the order of their fields: one that is undefined is none. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    const areLists = Array.isArray(a) && Array.isArray(b) && a.length === b.length;
    return areLists && a.every((item, index) => isSameJson(item, b[index]));
  }
  // Without lists of names: it is done with each object that a watch tells of.
  let more = 0;
  for (const name of Object.keys(a)) {
    const item = (a as Fields)[name];
    if (item === undefined) continue;
    if (!isSameJson(item, (b as Fields)[name])) return false;
    more += 1;
  }
  for (const name of Object.keys(b)) if ((b as Fields)[name] !== undefined) more -= 1;
  return more === 0;
}

type Fields = Record<string, unknown>;
