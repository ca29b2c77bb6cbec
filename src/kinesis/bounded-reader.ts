import type { Clock } from '../lib/clock.ts';
import { timeOfSequence } from './sequence-number.ts';
import type { Shard } from './shard.ts';
import type { ReadResult, ShardReader } from './shard-reader.ts';

/** How far the stream's clock may be behind ours, ms: a record of before the bound may still come. */
const SKEW_MS = 30_000;

/** Nothing that the shard has taken is within a range that ends at `toMs`; false where its numbers do not tell. */
export function beginsAfter({ startingSequence }: Pick<Shard, 'startingSequence'>, toMs: number): boolean {
  return (timeOfSequence(startingSequence) ?? 0) > toMs;
}

/**
 * `reader` up to a time: its end is before the first record that arrived later, or at the tip once that time is past. A record
 * whose arrival is not known is within it.
 * @param toMs ms since the epoch; records of that very moment are within it
 */
export function boundedReader(reader: ShardReader, toMs: number, clock: Clock): ShardReader {
  let lastSequence: string | undefined;
  let ended: ReadResult | undefined;
  return {
    unreadForMs: () => (ended ? 0 : reader.unreadForMs()),
    next: async (signal) => {
      if (ended) return ended;
      // A record that comes while it is read counts as later.
      const isPast = clock.now() > toMs + SKEW_MS;
      const read = await reader.next(signal);
      const records = [...read.records];
      const beyond = records.findIndex(({ arrivedAt }) => arrivedAt > toMs);
      const isAtTip = isPast && read.millisBehindLatest === 0;
      if (beyond < 0 && !isAtTip) {
        lastSequence = read.lastSequence;
        return read;
      }
      const within = beyond < 0 ? records : records.slice(0, beyond);
      if (beyond < 0) lastSequence = read.lastSequence;
      else lastSequence = within.at(-1)?.sequence ?? lastSequence;
      const end = read.end ?? { childShards: [] };
      const result = { ...read, records: within, lastSequence, millisBehindLatest: 0, end };
      ended = { ...result, records: [], bytes: 0 };
      return result;
    },
  };
}
