import { runDay, SHARDS } from './scaling/day.ts';
import { SHARD_RATE, WORKER_RATE } from './scaling/group-model.ts';
import { byCpu, byLag, byShards, TARGET_S, type Scaler } from './scaling/scalers.ts';

const SCALERS: Readonly<Record<string, () => Scaler>> = {
  'ShardCount, 1 shard per worker': () => byShards(1),
  'ShardCount, 4 shards per worker': () => byShards(4),
  'HPA on CPU, 70 %': () => byCpu(0.7),
  [`Lag, ${TARGET_S} s`]: byLag,
};

/** A simulated day, with the deciders of the operator: the same at every run. */
export async function scaling(_runs: number, print: (line: string) => void): Promise<void> {
  print(
    `a day of ${SHARDS} shards, split at 17:00; a worker does ${WORKER_RATE} records/s, a shard ${SHARD_RATE}; pods take 30 s`,
  );
  print(`  ${''.padEnd(32)}  pod-hours  over ${TARGET_S} s  of it hot shard  worst lag  moves`);
  for (const [name, scaler] of Object.entries(SCALERS)) {
    const { podHours, overTargetS, hotOverTargetS, worstLagS, moves } = runDay(scaler());
    const cells = [
      podHours.toFixed(1).padStart(9),
      `${(overTargetS / 60).toFixed(1)} min`.padStart(10),
      `${(hotOverTargetS / 60).toFixed(1)} min`.padStart(14),
      `${worstLagS} s`.padStart(9),
      String(moves).padStart(5),
    ];
    print(`  ${name.padEnd(32)}  ${cells.join('  ')}`);
  }
}
