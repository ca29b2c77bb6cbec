import type { Lease } from '../../leases/lease.ts';
import type { Shard } from '../../kinesis/shard.ts';
import type { ExportedShard, ExportInput, ExportRow, ExportValue } from './export-plan.ts';

const TTL_SECONDS = 30 * 24 * 3600;

/** A row as async-kinesis leaves it when it is stopped. A finished shard has the stream's last number of it: nothing follows. */
export function toAsyncKinesis(
  { shardId, checkpoint }: Lease,
  { endingSequence }: Shard,
  { existing, nowMs }: ExportInput,
): ExportedShard | { refusal: string } {
  const before = existing?.positions.find((at) => at.shardId === shardId);
  const rowAt = (sequence: string | null): ExportRow => {
    const set: Record<string, ExportValue> = { ref: null, ts: null, sequence };
    return {
      key: shardId,
      set: { ...set, ttl: Math.floor(nowMs / 1000) + TTL_SECONDS },
      remove: [],
      before: before && { sequence: before.point.at === 'SEQUENCE' ? before.point.sequence : null },
    };
  };
  switch (checkpoint.at) {
    case 'SEQUENCE':
      if (checkpoint.subSequence !== undefined) {
        return {
          refusal: `${shardId} stands inside the record ${checkpoint.sequence}, behind a part of it (an aggregate, or what handler.format makes of it): async-kinesis knows whole records only; let the group go on until it has left it`,
        };
      }
      return { shardId, row: rowAt(checkpoint.sequence), to: checkpoint.sequence, why: 'its checkpoint' };
    case 'SHARD_END':
      if (endingSequence === undefined)
        return { refusal: `${shardId} is finished here, and open in the stream` };
      return { shardId, row: rowAt(endingSequence), to: endingSequence, why: 'finished; its last number' };
    case 'TRIM_HORIZON':
      return { shardId, row: rowAt(null), to: 'none', why: 'it begins at TRIM_HORIZON' };
    case 'AT_TIMESTAMP':
      return {
        shardId,
        row: rowAt(null),
        to: 'none',
        why: 'async-kinesis has no time in its rows',
        twice: `nothing, but it also brings what came before ${new Date(checkpoint.timestampMs).toISOString()}, where the group began`,
      };
  }
}
