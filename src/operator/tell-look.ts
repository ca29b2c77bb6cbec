import { describeError } from '../lib/errors.ts';
import { keyOf, keyString } from '../kubernetes/cluster.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { Unknown } from '../view/group-picture.ts';
import type { GroupView } from '../view/group-view.ts';
import type { ReadRows } from './observe.ts';
import type { StreamFacts } from './plan/group-facts.ts';
import type { PlacedPass } from './reconcile-context.ts';

/** Tells whoever shows groups what this look has seen. Costs no call: all of it was read for the group's sake. */
export function tellLook(
  { options, object, target, memory }: PlacedPass,
  {
    found,
    rows,
    stream,
    view,
  }: { found: ReadRows; rows: GroupRows; stream: StreamFacts; view: GroupView | undefined },
): void {
  if (!options.onLook || !view) return;
  const { clock } = options;
  const { watched } = memory;
  const isFresh = found.table !== undefined;
  const unknown: Unknown[] = [];
  if (!isFresh) unknown.push({ what: 'rows', why: found.facts.message });
  if (stream.error) unknown.push({ what: 'stream', why: describeError(stream.error) });
  options.onLook(keyString(keyOf(object)), {
    atMs: clock.now(),
    place: {
      groupId: target.groupId,
      table: target.table,
      region: target.region,
      stream: { name: target.stream.name, arn: target.stream.arn },
      kinesis: target.endpoints.kinesis,
      dynamodb: target.endpoints.dynamodb,
    },
    rows,
    isFresh,
    stream: stream.summary,
    shards: stream.shards,
    view,
    unknown,
    silentMs() {
      const nowMs = clock.monotonic();
      return new Map(rows.workers.map((row) => [row.worker, watched.stillMs(row, nowMs)]));
    },
  });
}
