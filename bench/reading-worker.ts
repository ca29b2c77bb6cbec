import { awsStreamClient } from '../src/kinesis/aws/stream-client.ts';
import { MemoryLeaseTable } from '../src/leases/memory/lease-table.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog } from '../src/lib/log.ts';
import { systemRandom } from '../src/lib/random.ts';
import { Worker } from '../src/runtime/worker.ts';

export const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };

/** The whole worker: leases, limits, buffers, batches, checkpoints; its handler does nothing but count. */
export async function readingWorker(
  endpoint: string,
  batchSize: number,
  count: (records: number) => void,
): Promise<void> {
  const config = {
    groupId: 'bench.orders',
    stream: { name: 'orders' },
    region: 'eu-west-1',
    endpoints: {},
    table: 'checkpoints',
    initialPosition: { type: 'TrimHorizon' },
    maxRecords: 10_000,
    pollIntervalMs: 1_000,
    checkpointIntervalMs: 5_000,
    leaseDurationMs: 15_000,
    handoffTimeoutMs: 30_000,
    maxLeases: 0,
    handler: { type: 'log' },
    batchSize,
    batchWindowMs: 0,
    parallelizationFactor: 1,
    handlerTimeoutMs: 900_000,
    retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
  } as const;
  await new Worker({
    config,
    identity: { worker: 'w', podUid: '', node: '', address: '', revision: 0, restartedAt: 0 },
    table: new MemoryLeaseTable(),
    stream: awsStreamClient({ region: 'eu-west-1', endpoint, streamName: 'orders', credentials, clock }),
    handler: {
      kind: 'log',
      start: async () => {},
      handle: async (batch) => {
        count(batch.records.length);
        return { outcome: 'done' };
      },
      close: async () => {},
    },
    nudge: async () => false,
    clock,
    random: systemRandom,
    log: silentLog,
    onEvent: () => {},
  }).run(new AbortController().signal);
}
