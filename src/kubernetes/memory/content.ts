import type { KubeObject, StoredObject } from '../cluster.ts';
import type { Managed } from './apply.ts';
import { plain, type Held } from './objects.ts';

/* What a write is held against: the part of an object that clients own, who owns what of it, and of which version it is. */

/** With who owns which of its fields. */
export function managedOf(held: Held | undefined): Managed {
  return held ? { content: contentOf(held.object), owners: held.owners } : { content: {}, owners: new Map() };
}

/** The part of an object that managers own: everything but its identity and what the server sets. */
export function contentOf(object: KubeObject): Record<string, unknown> {
  const { apiVersion: _, kind: __, metadata, ...rest } = object;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  return plain({ ...rest, metadata: { labels, annotations, finalizers, ownerReferences } });
}

/** Why a write of `metadata` is refused: it was read of another object or version than is there. */
export function lostReason({ metadata }: KubeObject, held: StoredObject | undefined): string | undefined {
  const { uid, resourceVersion } = metadata;
  if (uid !== undefined && held?.metadata.uid !== uid) return 'another object has this name, or none';
  if (resourceVersion === undefined || held?.metadata.resourceVersion === resourceVersion) return undefined;
  return 'the object has been modified';
}

/** As a merge patch does: null takes a key away. */
export function mergeMap(
  current: Record<string, string> | undefined,
  patch: Record<string, string | null>,
): Record<string, string> {
  const merged = Object.entries({ ...current, ...patch });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}
