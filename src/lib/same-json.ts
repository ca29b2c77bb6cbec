/** Whether both are the same once written as JSON, whatever the order of their fields: one that is undefined is none. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    const areLists = Array.isArray(a) && Array.isArray(b) && a.length === b.length;
    return areLists && a.every((item, index) => isSameJson(item, b[index]));
  }
  const [inA, inB] = [namesIn(a), namesIn(b)];
  return (
    inA.length === inB.length && inA.every((name) => isSameJson((a as Fields)[name], (b as Fields)[name]))
  );
}

type Fields = Record<string, unknown>;

function namesIn(fields: object): string[] {
  return Object.keys(fields).filter((name) => (fields as Fields)[name] !== undefined);
}
