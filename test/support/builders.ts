import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { formatRef, type Lease } from '../../src/leases/lease.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';

export function aWorker(overrides: Partial<WorkerRow> = {}): WorkerRow {
  return {
    worker: 'worker-0',
    incarnation: 'i1',
    beat: 1,
    state: 'live',
    revision: 1,
    restartedAt: 0,
    knock: 0,
    address: '',
    podUid: '',
    node: '',
    startedAt: 0,
    beatAt: undefined,
    held: 0,
    fencedBy: '',
    maxLeases: 0,
    leaseDurationMs: 0,
    lagging: {},
    handlerTrouble: undefined,
    readTrouble: undefined,
    ...overrides,
  };
}

export function refOf(worker: WorkerRow): string {
  return formatRef(worker);
}

export function aLease(overrides: Partial<Lease> = {}): Lease {
  return {
    shardId: 'shardId-000000000000',
    owner: undefined,
    epoch: 100,
    takenAt: undefined,
    checkpoint: { at: 'TRIM_HORIZON' },
    checkpointedAt: undefined,
    behindMs: undefined,
    readAt: undefined,
    load: 0,
    parents: [],
    hashStart: '0',
    hashEnd: '340282366920938463463374607431768211455',
    lastChange: undefined,
    givenUp: undefined,
    ttl: undefined,
    ...overrides,
  };
}

/** As the operator gives it to a worker on local servers: of the stream `orders` and the table `checkpoints`. */
export function aWorkerConfig(
  endpoints: WorkerConfig['endpoints'],
  more: Partial<WorkerConfig> = {},
): WorkerConfig {
  return {
    groupId: 'shop.orders',
    stream: { name: 'orders' },
    region: 'eu-west-1',
    endpoints,
    table: 'checkpoints',
    initialPosition: { type: 'TrimHorizon' },
    maxRecords: 100,
    pollIntervalMs: 1_000,
    checkpointIntervalMs: 5_000,
    leaseDurationMs: 6_000,
    handoffTimeoutMs: 30_000,
    maxLeases: 0,
    handler: { type: 'log' },
    batchSize: 10,
    batchWindowMs: 0,
    parallelizationFactor: 1,
    handlerTimeoutMs: 900_000,
    retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    ...more,
  };
}
