import type { StoredObject } from './cluster.ts';
import { isMap } from '../lib/is-map.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The merge patch that `kubectl apply` would send for `next`: what it applied last and is not named any more is removed. Undefined
 * where it has not applied the object before, or on the server's side.
 */
export function applyPatch(existing: StoredObject | undefined, next: object): object | undefined {
  const last = existing?.metadata.annotations?.[LAST_APPLIED];
  if (last === undefined) return undefined;
  try {
    return removing(JSON.parse(last), next) as object;
  } catch {
    return undefined;
  }
}

function removing(last: unknown, next: unknown): unknown {
  if (!isMap(next)) return next;
  const gone = isMap(last) ? Object.keys(last).filter((name) => next[name] === undefined) : [];
  const kept = Object.entries(next).map(([name, value]) => [
    name,
    removing(isMap(last) ? last[name] : undefined, value),
  ]);
  return Object.fromEntries([...gone.map((name) => [name, null]), ...kept]);
}
