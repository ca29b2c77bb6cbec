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
