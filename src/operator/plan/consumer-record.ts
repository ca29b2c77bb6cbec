import { CONSUMERS_ANNOTATION } from '../../api/labels.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import { readOwn, writeOwn } from './own-annotation.ts';

/*
 * Which stream consumers this very resource has registered: an annotation, written before they are, so that neither a restart
 * nor a lost answer leaves one that nobody removes.
 */

export interface MadeConsumer {
  streamArn: string;
  name: string;
}

export function readMadeConsumers(object: Pick<StoredObject, 'metadata'>): MadeConsumer[] {
  const made = readOwn(object, CONSUMERS_ANNOTATION)?.['made'];
  if (!Array.isArray(made)) return [];
  return made.filter(isMade).map(({ streamArn, name }) => ({ streamArn, name }));
}

/** The annotation to set; without any consumer it goes. */
export function writeMadeConsumers(
  object: Pick<StoredObject, 'metadata'>,
  made: readonly MadeConsumer[],
): Record<string, string | null> {
  return {
    [CONSUMERS_ANNOTATION]: made.length === 0 ? null : writeOwn(object, { made }),
  };
}

function isMade(value: unknown): value is MadeConsumer {
  const { streamArn, name } = (value ?? {}) as Partial<MadeConsumer>;
  return typeof streamArn === 'string' && typeof name === 'string';
}
