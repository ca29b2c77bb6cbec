import type { WorkerConfig } from '../api/worker-config.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { BatchSpans } from './delivery/batch-spans.ts';
import type { FailureDestination } from './failure/failure-destination.ts';
import type { Handler } from './handlers/handler.ts';
import type { Nudge } from './leasing/nudge.ts';
import type { Payloads } from './payload/payloads.ts';
import type { OnWorkerEvent } from './worker-event.ts';

/** Who this process is, as its row says. */
export interface WorkerIdentity {
  worker: string;
  podUid: string;
  node: string;
  /** `ip:port` where nudges reach it; empty = nowhere. */
  address: string;
  revision: number;
  /** Ms since the epoch; when pods of this revision were told to restart, 0 = never. */
  restartedAt: number;
}

export interface WorkerOptions {
  config: WorkerConfig;
  identity: WorkerIdentity;
  table: LeaseTable;
  stream: StreamClient;
  handler: Handler;
  /** Undefined: data is bytes, whatever they are. */
  payloads?: Payloads | undefined;
  /** Where batches go that are given up; without one they are told of, and gone. */
  destination?: FailureDestination | undefined;
  /** Undefined: nobody traces. */
  spans?: BatchSpans | undefined;
  nudge: Nudge;
  clock: Clock;
  random: Random;
  log: Log;
  onEvent: OnWorkerEvent;
}
