import { isSameJson } from './same-json.ts';

/**
 * `next`, with each part of it that is as it was taken from `previous`, and `previous` itself where all is. What is read again and
 * again and mostly stays the same is held once, and is found to be the same by identity.
 */
export function keepSame<T>(previous: unknown, next: T): T {
  if (isSameJson(previous, next)) return previous as T;
  if (typeof previous !== 'object' || typeof next !== 'object' || previous === null || next === null)
    return next;
  if (Array.isArray(previous) !== Array.isArray(next)) return next;
  const kept = (Array.isArray(next) ? [...next] : { ...next }) as Record<string, unknown>;
  for (const [name, value] of Object.entries(previous))
    if (Object.hasOwn(kept, name)) kept[name] = keepSame(value, kept[name]);
  return kept as T;
}
