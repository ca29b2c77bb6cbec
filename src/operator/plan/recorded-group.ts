import type { KinesisConsumerGroup } from '../../api/group.ts';
import { keepsPositions, readGroup } from '../../api/stored-group.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import { readMadeConsumers } from './consumer-record.ts';

/**
 * Of a deleted group whose spec cannot be read, what its record alone asks for: the stream consumers that were registered for
 * it are to go, and nothing else is touched. Undefined when nothing is recorded, when the rows would have to go as well,
 * or when not even the endpoints and the role can be read: another account, or AWS itself, may be the wrong place.
 */
export function recordedGroup(object: StoredObject): KinesisConsumerGroup | undefined {
  const [made] = readMadeConsumers(object);
  if (!made || !keepsPositions(object)) return undefined;
  const { endpoints = {}, aws } = (object.spec ?? {}) as { endpoints?: unknown; aws?: unknown };
  const role = aws === undefined ? {} : { aws };
  const spec = { stream: { arn: made.streamArn }, endpoints, ...role, handler: { log: {} } };
  const read = readGroup({ ...object, spec });
  return read.outcome === 'ok' ? read.group : undefined;
}
