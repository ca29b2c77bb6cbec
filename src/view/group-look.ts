import type { StreamSummary } from '../kinesis/stream-client.ts';
import type { Shard } from '../kinesis/shard.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { GroupPlace, Unknown } from './group-picture.ts';
import type { GroupView } from './group-view.ts';

/** What the operator has seen of a group with one look, for whoever shows it: nobody has to read it once more. */
export interface GroupLook {
  /** Wall clock, ms since the epoch: when the rows were read. */
  atMs: number;
  place: GroupPlace;
  rows: GroupRows;
  /** False: the rows are those of an earlier look, as they could not be read. */
  isFresh: boolean;
  stream: StreamSummary | undefined;
  shards: readonly Shard[] | undefined;
  view: GroupView;
  unknown: readonly Unknown[];
  /** By worker: how long its beat had stood still by then, ms. */
  silentMs: ReadonlyMap<string, number>;
}
