import type { GroupView } from '../../../view/group-view.ts';
import type { StreamFacts } from '../group-facts.ts';

/** Shards that can be consumed in parallel; undefined = not known. Where no Deployment is left to go by, a stream that does not answer is known from its rows. */
export function readableShards({
  stream,
  view,
  isNew,
}: {
  stream: StreamFacts;
  view: GroupView | undefined;
  isNew: boolean;
}): number | undefined {
  if (stream.shards) return view?.parallelShards;
  const isLost = stream.error === undefined || stream.error.code === 'NotFound';
  return isNew && !isLost && view && view.shards.length > 0 ? view.parallelShards : undefined;
}
