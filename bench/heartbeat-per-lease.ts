import type { LeaseTable } from '../src/leases/lease-table.ts';
import type { RowWrite } from '../src/leases/row-write.ts';
import type { Clock } from '../src/lib/clock.ts';

/*
 * The baseline: what KCL 3 asks of DynamoDB in steady state, with its defaults and `failoverMs` as its
 * failoverTimeMillis. Each worker renews each lease every failover / 3 − 25 ms, looks through the index for leases newly
 * its own every failover − 25 ms, and reports its metrics every 30 s; the leader keeps its lock every 30 s, which the
 * others look at as often, and reads all leases and all metrics every 2 × failover to assign them. A shard with records
 * is read every 1.5 s and checkpointed after each batch, as KCL's own samples do.
 * Left out, so that it is rather too cheap: the audit of the shards, retries, and leases that move.
 */

export interface HeartbeatPerLeaseOptions {
  table: LeaseTable;
  clock: Clock;
  shards: number;
  workers: number;
  failoverMs: number;
  /** Undefined: nothing to checkpoint. KCL's is 1,500, its pause between reads. */
  checkpointMs: number | undefined;
  /** A call has failed; its loop goes on with the next. Without it, it ends everything. */
  onFailure?: (thrown: unknown) => void;
}

export const KCL_READ_MS = 1_500;
const EPSILON_MS = 25;
const REPORT_MS = 30_000;

export async function heartbeatPerLease(
  { table, clock, shards, workers, failoverMs, checkpointMs, onFailure }: HeartbeatPerLeaseOptions,
  signal: AbortSignal,
): Promise<void> {
  const every = async (ms: number, step: () => Promise<unknown>) => {
    const startMs = clock.monotonic();
    for (let due = startMs + ms; ; due += ms) {
      await clock.sleep(due - clock.monotonic(), { signal });
      if (signal.aborted) return;
      try {
        await step();
      } catch (thrown) {
        if (!onFailure) throw thrown;
        onFailure(thrown);
      }
    }
  };
  const loops: Promise<void>[] = [];
  for (let shard = 0; shard < shards; shard += 1) {
    const key = `shardId-${String(shard).padStart(12, '0')}`;
    loops.push(every(failoverMs / 3 - EPSILON_MS, () => table.write(count('renew lease', key))));
    if (checkpointMs !== undefined) {
      loops.push(every(checkpointMs, () => table.write(count('checkpoint', key))));
    }
  }
  for (let worker = 0; worker < workers; worker += 1) {
    const key = `worker#${worker}`;
    loops.push(every(failoverMs - EPSILON_MS, () => table.query('workers', { consistent: false })));
    loops.push(every(REPORT_MS, () => table.write(count('report metrics', key))));
    const lock = 'group#leader';
    if (worker > 0) loops.push(every(REPORT_MS, () => table.get(lock, { consistent: true })));
    else loops.push(every(REPORT_MS, () => table.write(count('keep leadership', lock))));
  }
  const assign = async () => {
    await table.query('all', { consistent: false });
    await table.query('workers', { consistent: false });
  };
  loops.push(every(failoverMs * 2, assign));
  await Promise.all(loops);
}

function count(name: string, key: string): RowWrite {
  return { name, key, kind: 'update', when: [], add: { leaseCounter: 1 }, proof: [] };
}
