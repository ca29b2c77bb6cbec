import { describeError } from '../../lib/errors.ts';
import { keyOf, keyString } from '../../kubernetes/cluster.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { Unknown } from '../../view/group-picture.ts';
import type { GroupView } from '../../view/group-view.ts';
import type { ReadRows } from './observe-rows.ts';
import type { StreamFacts } from '../plan/group-facts.ts';
import type { PlacedPass } from '../reconcile-context.ts';

interface Seen {
  found: ReadRows;
  isFresh: boolean;
  rows: GroupRows;
  stream: StreamFacts;
  view: GroupView;
}

/**
 * Tells whoever shows groups what this look has seen; undefined = rows that cannot be read for so long that what was seen
 * before says nothing of now. Costs no call: all of it was read for the group's sake.
 */
export function tellLook({ options, object, target, memory }: PlacedPass, seen: Seen | undefined): void {
  const key = keyString(keyOf(object));
  if (!seen) return options.onLook?.(key, 'unread');
  const { found, isFresh, rows, stream, view } = seen;
  const { clock } = options;
  const readMs = memory.rows?.readMs ?? clock.monotonic();
  const unknown: Unknown[] = [];
  if (!isFresh) unknown.push({ what: 'rows', why: found.facts.message });
  if (stream.error) unknown.push({ what: 'stream', why: describeError(stream.error) });
  options.onLook?.(key, {
    atMs: Math.round(clock.now() - (clock.monotonic() - readMs)),
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
    // What has not been read since says nothing of the workers.
    silentMs: new Map(rows.workers.map((row) => [row.worker, memory.watched.stillMs(row, readMs)])),
  });
}
