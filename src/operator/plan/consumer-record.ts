import type { GroupStatus } from '../../api/group-status.ts';
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

/** Of the group's own stream alone: who may write the group may write the annotation, and could have any other's removed. */
export function readMadeConsumers(object: StoredObject): MadeConsumer[] {
  const made = readOwn(object, CONSUMERS_ANNOTATION)?.['made'];
  if (!Array.isArray(made)) return [];
  const stream = streamIn(object);
  const isOwn = ({ streamArn }: MadeConsumer) =>
    stream === undefined || streamArn.endsWith(`:stream/${stream}`);
  return made
    .filter(isMade)
    .filter(isOwn)
    .map(({ streamArn, name }) => ({ streamArn, name }));
}

/** Its name; it never changes. Undefined where the spec cannot be read. */
function streamIn({ spec }: StoredObject): string | undefined {
  const { name, arn } = ((spec ?? {}) as { stream?: { name?: unknown; arn?: unknown } }).stream ?? {};
  const text = name ?? arn;
  return typeof text === 'string' ? text.split('/').at(-1) : undefined;
}

/**
 * What the status knows of a resource whose annotations somebody has replaced, as `kubectl replace` does: without the record nobody
 * would remove the consumer, of which each hour has its price.
 */
export function lostConsumers({ metadata, status }: StoredObject): MadeConsumer[] {
  const { arn, consumer } = ((status ?? {}) as GroupStatus).stream ?? {};
  const isLost = metadata.annotations?.[CONSUMERS_ANNOTATION] === undefined && consumer?.created === true;
  return isLost && arn !== undefined ? [{ streamArn: arn, name: consumer.name }] : [];
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
