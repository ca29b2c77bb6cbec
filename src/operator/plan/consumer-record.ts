import { CONSUMERS_ANNOTATION } from '../../api/labels.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';

/*
 * Which stream consumers this very resource has registered: an annotation, written before they are, so that neither a restart
 * nor a lost answer leaves one that nobody removes. It names the resource's uid, so that it says nothing in a copy.
 */

export interface MadeConsumer {
  streamArn: string;
  name: string;
}

export function readMadeConsumers({ metadata }: Pick<StoredObject, 'metadata'>): MadeConsumer[] {
  const record = parse(metadata.annotations?.[CONSUMERS_ANNOTATION]);
  if (record?.uid !== metadata.uid || !Array.isArray(record?.made)) return [];
  return record.made.filter(isMade).map(({ streamArn, name }) => ({ streamArn, name }));
}

/** The annotation to set; without any consumer it goes. */
export function writeMadeConsumers(
  { metadata }: Pick<StoredObject, 'metadata'>,
  made: readonly MadeConsumer[],
): Record<string, string | null> {
  return {
    [CONSUMERS_ANNOTATION]: made.length === 0 ? null : JSON.stringify({ uid: metadata.uid, made }),
  };
}

function isMade(value: unknown): value is MadeConsumer {
  const { streamArn, name } = (value ?? {}) as Partial<MadeConsumer>;
  return typeof streamArn === 'string' && typeof name === 'string';
}

function parse(text: string | undefined): { uid?: unknown; made?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // somebody else's words
  }
}
