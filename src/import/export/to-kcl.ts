import { isEnded, type Lease } from '../../leases/lease.ts';
import { BEFORE_RECORD } from '../../kinesis/position.ts';
import { isPayloadPosition } from '../../kinesis/payload-position.ts';
import { formatCheckpoint } from '../../view/format-position.ts';
import { parentsOf, type Shard } from '../../kinesis/shard.ts';
import { WHOLE_RECORD } from '../programs/kcl.ts';
import type { ExportedShard, ExportInput, ExportRow, ExportValue } from './export-plan.ts';

/** A lease as KCL 3.5 makes it, without an owner, so that a worker takes it at once. */
export function toKcl(
  lease: Lease,
  shard: Shard,
  { shards, existing }: ExportInput,
): ExportedShard | { refusal: string } {
  const { shardId, checkpoint } = lease;
  if (checkpoint.at === 'SEQUENCE' && isPayloadPosition(checkpoint.subSequence)) {
    return {
      refusal: `${shardId} stands inside the record ${checkpoint.sequence}, between payloads that handler.format makes of it: KCL knows whole records only; let the group go on until it has left it`,
    };
  }
  if (checkpoint.at === 'SEQUENCE' && checkpoint.subSequence === BEFORE_RECORD) {
    return {
      refusal: `${shardId} stands before the record ${checkpoint.sequence}, where a reset has put it: KCL knows only what is processed; let the group go on until it has left it`,
    };
  }
  const parents = parentsOf(shard);
  const children = shards.filter((other) => parentsOf(other).includes(shardId)).map((child) => child.shardId);
  const attributes: Record<string, ExportValue> = {
    checkpoint: checkpoint.at === 'SEQUENCE' ? checkpoint.sequence : checkpoint.at,
    checkpointSubSequenceNumber: checkpoint.at === 'SEQUENCE' ? (checkpoint.subSequence ?? WHOLE_RECORD) : 0,
    ownerSwitchesSinceCheckpoint: 0,
    startingHashKey: shard.hashStart,
    endingHashKey: shard.hashEnd,
    entityType: 'LEASE',
    ...(parents.length > 0 ? { parentShardId: parents } : {}),
    ...(isEnded(lease) && children.length > 0 ? { childShardIds: children } : {}),
  };
  // The time that it means would be in KCL's configuration.
  const isTime = checkpoint.at === 'AT_TIMESTAMP';
  if (isTime) attributes['checkpoint'] = 'TRIM_HORIZON';
  const counter = existing?.positions.find((at) => at.shardId === shardId)?.counter;
  const row: ExportRow = {
    key: shardId,
    set: counter === undefined ? { ...attributes, leaseCounter: 0 } : attributes,
    remove: [
      'leaseOwner',
      'checkpointOwner',
      'pendingCheckpoint',
      'pendingCheckpointSubSequenceNumber',
      'pendingCheckpointState',
    ],
    ...(counter === undefined ? {} : { add: { leaseCounter: 1 } }),
    before: counter === undefined ? undefined : { leaseCounter: counter },
  };
  const to = isTime ? 'TRIM_HORIZON' : formatCheckpoint(checkpoint);
  if (!isTime) return { shardId, row, to, why: 'its checkpoint' };
  const since = new Date(checkpoint.timestampMs).toISOString();
  return {
    shardId,
    row,
    to,
    why: 'KCL has no time in its rows',
    twice: `nothing, but it also brings what came before ${since}, where the group began`,
  };
}
