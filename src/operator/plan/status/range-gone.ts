import type { KinesisConsumerGroup } from '../../../api/group.ts';
import { tellGone } from '../../../kinesis/tell-gone.ts';
import type { StreamSummary } from '../../../kinesis/stream-client.ts';
import type { StoredObject } from '../../../kubernetes/cluster.ts';

/** What of its range was gone before the group was there, in words; undefined = nothing, as far as is known. */
export function rangeGone(
  { object, group }: { object: StoredObject; group: Pick<KinesisConsumerGroup, 'spec'> },
  stream: StreamSummary | undefined,
): string | undefined {
  const { range } = group.spec;
  const { creationTimestamp } = object.metadata;
  if (!range || !stream || creationTimestamp === undefined) return undefined;
  const is = 'was gone when the group was made';
  return tellGone(Date.parse(range.from), stream, { nowMs: Date.parse(creationTimestamp), is });
}
