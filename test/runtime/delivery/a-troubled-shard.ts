import { aReadShard, numbersOf, type Handle, type ReadShardOptions } from './a-read-shard.ts';

/** A shard whose owners have ended; what its handler got, and what the row said as it got it. */
export function aTroubledShard({
  handle = async () => ({ outcome: 'done' }),
  ...options
}: Omit<ReadShardOptions, 'handle'> & { handle?: Handle }) {
  const calls: number[][] = [];
  const rows: (Record<string, unknown> | undefined)[] = [];
  const shard = aReadShard({
    ...options,
    handle: async (batch, context) => {
      calls.push(numbersOf(batch));
      rows.push(shard.writes.at(-1)?.set);
      return handle(batch, context);
    },
  });
  return { ...shard, calls, rows };
}
