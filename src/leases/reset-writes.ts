import type { Checkpoint } from '../kinesis/position.ts';
import { LAYOUT_VERSION } from './claim.ts';
import { encodeCheckpoint } from './lease.ts';
import { OF_UNFINISHED } from './unfinished.ts';
import { encodeReset, type ResetRecord } from './reset-record.ts';
import { CLAIM_KEY } from './row.ts';
import { absent, equal, present, type Condition, type RowWrite } from './row-write.ts';
import { encodeLineage, type NewLease } from './transitions.ts';

/*
 * What a reset writes, in this order: the claim, `holding`, which makes workers release their shards and take none; once no
 * shard has a living owner, the snapshot, with every row as it is and as it is to be; the claim, `begun`; each shard's
 * row; the claim, `done`. From `begun` on whoever comes goes on from the snapshot, so all of it or nothing is moved.
 *
 * A shard is moved against the very row in the snapshot: its epoch, and no owner or a dead one. A worker that has not seen the
 * hold yet, and takes the shard in between, makes the write fail; the row is then read again, once it is free.
 */

/** As `LeaseChange.why` of a row that no worker has had since. */
export const RESET = 'Reset';

/** The claim has exactly this reset; undefined: none. */
export function showsReset(seen: Pick<ResetRecord, 'id' | 'state'> | undefined): Condition[] {
  return seen ? [equal('reset_id', seen.id), equal('reset_state', seen.state)] : [absent('reset_id')];
}

/** Against the reset that the claim shows, done or never begun. Lost: somebody else has begun one. */
export function holdForReset(
  record: ResetRecord,
  seen: Pick<ResetRecord, 'id' | 'state'> | undefined,
): RowWrite {
  return {
    name: 'hold for reset',
    key: CLAIM_KEY,
    kind: 'update',
    when: showsReset(seen),
    set: { ...encodeReset({ ...record, state: 'holding', parts: 0 }), layout_version: LAYOUT_VERSION },
    proof: [equal('reset_id', record.id)],
  };
}

/** The snapshot is there. */
export function beginReset({ id, parts }: Pick<ResetRecord, 'id' | 'parts'>): RowWrite {
  const mine = equal('reset_id', id);
  return {
    name: 'begin reset',
    key: CLAIM_KEY,
    kind: 'update',
    when: [mine, equal('reset_state', 'holding')],
    set: { reset_state: 'begun', reset_parts: parts },
    // There may be something to read again.
    remove: ['completed_at'],
    proof: [mine, equal('reset_state', 'begun'), equal('reset_parts', parts)],
  };
}

/** Also of one that has moved nothing yet: workers go on. */
export function finishReset({ id, state }: Pick<ResetRecord, 'id' | 'state'>): RowWrite {
  const mine = equal('reset_id', id);
  return {
    name: 'finish reset',
    key: CLAIM_KEY,
    kind: 'update',
    when: [mine, equal('reset_state', state)],
    set: { reset_state: 'done' },
    proof: [mine, equal('reset_state', 'done')],
  };
}

/** A shard's row as it was found free: its owner is dead, or it has none. */
export interface FreeRow {
  checkpoint: Checkpoint;
  epoch: number;
  /** Of a dead worker. */
  owner?: string | undefined;
}

const OF_POSITION = ['ref', 'last_owner', 'ttl', 'ts', 'behind_ms', 'read_at', 'load', ...OF_UNFINISHED];

/** `before`: undefined = it had no row. Lost: it is not as it was. */
export function moveShard(
  lease: NewLease,
  before: FreeRow | undefined,
  { id, at }: Pick<ResetRecord, 'id' | 'at'>,
): RowWrite {
  const { set, remove } = encodeCheckpoint(lease.checkpoint);
  const isNative = before !== undefined && before.epoch > 0;
  return {
    name: 'move shard',
    key: lease.shardId,
    kind: 'update',
    when: before
      ? [
          isNative ? equal('epoch', before.epoch) : absent('epoch'),
          before.owner === undefined ? absent('ref') : equal('ref', before.owner),
          present('shard_id'),
        ]
      : [absent('shard_id')],
    set: {
      ...set,
      ...encodeLineage(lease),
      epoch: isNative ? before.epoch + 1 : Math.floor(at / 1000),
      why: RESET,
      reset_id: id,
    },
    // What was known of how far it was processed is of another position; parents that the stream has no more are none.
    remove: [...remove, ...(lease.parents.length > 0 ? [] : ['parents']), ...OF_POSITION],
    proof: [equal('reset_id', id)],
  };
}
