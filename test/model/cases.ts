import { PROTOCOL } from './protocol.ts';
import type { Model } from './world.ts';

const OF_WORKERS = ['announce', 'beat', 'fence', 'remove worker'];
const OF_SHARDS = ['put shard', 'take', 'checkpoint', 'give', 'release', 'end shard', 'reset'];

export const WRITE_NAMES: ReadonlySet<string> = new Set([...OF_WORKERS, ...OF_SHARDS]);
/**
 * Clocks that differ as much as the margin of `OwnLease` allows: while the slow one counts 9 ms, the fast one counts 10.
 * A lease of two such steps is the shortest in which a lease can be half over.
 */
const SMALLEST: Model = {
  protocol: PROTOCOL,
  workers: 2,
  shards: [{ records: 1 }],
  leaseDurationMs: 20,
  speeds: [9, 10],
  maxLate: 0,
  late: WRITE_NAMES,
  staleness: 0,
  observesAtOnce: true,
  planned: false,
  split: new Set(),
  may: new Set(),
};

export function aCase(change: Partial<Model>): Model {
  return { ...SMALLEST, ...change };
}

export const CASES: Readonly<Record<string, Model>> = {
  'two workers and one shard, crashes and lapsing leases': aCase({
    may: new Set(['time', 'crash', 'fence']),
  }),
};
