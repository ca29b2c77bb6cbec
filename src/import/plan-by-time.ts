import { parentsFirst } from '../kinesis/lineage.ts';
import type { Shard } from '../kinesis/shard.ts';
import { rowLineageOf } from '../leases/plan-shard-sync.ts';
import type { ImportedShard, ImportPlan } from './plan-import.ts';

export interface TimePlanInput {
  /** All that the stream lists from its beginning on. */
  all: readonly Shard[];
  /** Those that were open at `fromMs`, and all that came later. */
  since: readonly Shard[];
  /** Ms since the epoch. Records from then on are read. */
  fromMs: number;
  /** Ms since the epoch; at or after `fromMs`. What came before it was processed. */
  processedUntilMs: number;
}

/**
 * Rows for a consumer that tells no positions, only until when it has processed everything. Shards that were open then begin at
 * that time; what came of them is read whole; those that were closed by then are finished.
 */
export function planByTime({ all, since, fromMs, processedUntilMs }: TimePlanInput): ImportPlan {
  const listed = new Set(all.map(({ shardId }) => shardId));
  const read = new Set(since.map(({ shardId }) => shardId));
  const seconds = Math.round((processedUntilMs - fromMs) / 1000);
  const shards = parentsFirst(all).map((shard): ImportedShard => {
    const lineage = rowLineageOf(shard, listed);
    if (!read.has(shard.shardId)) {
      const lease = { ...lineage, checkpoint: { at: 'SHARD_END' as const } };
      return { lease, from: undefined, why: 'closed before that time' };
    }
    if (lineage.parents.some((id) => read.has(id))) {
      const lease = { ...lineage, checkpoint: { at: 'TRIM_HORIZON' as const } };
      return { lease, from: undefined, why: 'it came of a shard that is read from that time on' };
    }
    const lease = { ...lineage, checkpoint: { at: 'AT_TIMESTAMP' as const, timestampMs: fromMs } };
    const from = { at: 'AT_TIMESTAMP' as const, timestampMs: processedUntilMs };
    const twice = seconds > 0 ? `what came in the ${seconds} s before it` : undefined;
    return { lease, from, why: 'the time until which all was processed', ...(twice ? { twice } : {}) };
  });
  const notes = ['whatever it has processed of what came after that time comes twice'];
  return { shards, notes, refusals: [] };
}
