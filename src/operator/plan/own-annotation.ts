import type { StoredObject } from '../../kubernetes/cluster.ts';

/*
 * What the resource itself has to know, whatever becomes of its status, is in annotations of it. Each names the resource's
 * uid, so that it says nothing in a copy: a group that is applied again, or restored from a backup, begins without.
 */

type OfObject = Pick<StoredObject, 'metadata'>;

/** What this very resource has written there; undefined when it has not. */
export function readOwn({ metadata }: OfObject, annotation: string): Record<string, unknown> | undefined {
  const record = parse(metadata.annotations?.[annotation]);
  return record?.['uid'] === metadata.uid ? record : undefined;
}

/** The value to set. */
export function writeOwn({ metadata }: OfObject, record: object): string {
  return JSON.stringify({ uid: metadata.uid, ...record });
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // somebody else's words
  }
}
