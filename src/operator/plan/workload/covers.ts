/**
 * Does `actual` say all that `wanted` says? More fields are fine: servers fill in defaults, others add what is theirs. Lists
 * of named items are compared by name, other lists as a whole. A value that the server writes in another way
 * (`1000m` for `1`) looks like a difference.
 */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (wanted === undefined || wanted === null) return true;
  if (Array.isArray(wanted)) return Array.isArray(actual) && coversList(actual, wanted);
  if (typeof wanted !== 'object') return actual === wanted;
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) return false;
  for (const name in wanted) {
    const value = (wanted as Fields)[name];
    if (!isEmpty(value) && !covers((actual as Fields)[name], value)) return false;
  }
  return true;
}

type Fields = Readonly<Record<string, unknown>>;

function coversList(actual: readonly unknown[], wanted: readonly unknown[]): boolean {
  if (wanted.length > 0 && wanted.every(isNamed)) return wanted.every((item) => hasNamed(actual, item));
  return actual.length === wanted.length && wanted.every((item, index) => covers(actual[index], item));
}

function hasNamed(actual: readonly unknown[], wanted: unknown): boolean {
  const name = nameOf(wanted);
  return actual.some((item) => nameOf(item) === name && covers(item, wanted));
}

function isNamed(item: unknown): boolean {
  return nameOf(item) !== undefined;
}

function nameOf(item: unknown): string | undefined {
  const name = typeof item === 'object' && item !== null ? (item as { name?: unknown }).name : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** Left out by servers that drop empty values. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0);
}
