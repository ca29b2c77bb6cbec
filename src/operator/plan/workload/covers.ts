/**
 * Does `actual` say all that `wanted` says? More fields are fine: servers fill in defaults, others add what is theirs. Lists
 * of named items are compared by name, other lists as a whole. A value that the server writes in another way
 * (`1000m` for `1`) looks like a difference.
 */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (wanted === undefined || wanted === null) return true;
  if (Array.isArray(wanted)) return Array.isArray(actual) && coversList(actual, wanted);
  if (typeof wanted !== 'object') return actual === wanted;
  const entries = Object.entries(wanted).filter(([, value]) => !isEmpty(value));
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return false;
  return entries.every(([key, value]) => covers((actual as Record<string, unknown>)[key], value));
}

function coversList(actual: readonly unknown[], wanted: readonly unknown[]): boolean {
  const names = wanted.map(nameOf);
  if (wanted.length > 0 && names.every((name) => name !== undefined)) {
    return wanted.every((item, index) =>
      actual.some((other) => nameOf(other) === names[index] && covers(other, item)),
    );
  }
  return actual.length === wanted.length && wanted.every((item, index) => covers(actual[index], item));
}

function nameOf(item: unknown): string | undefined {
  const name = typeof item === 'object' && item !== null ? (item as { name?: unknown }).name : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** Left out by servers that drop empty values. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0);
}
