import type { UserRecord } from '../../kinesis/record.ts';
import type { ShardReader } from '../../kinesis/shard-reader.ts';
import type { GivenUp } from '../../leases/lease.ts';
import type { Unfinished } from '../../leases/unfinished.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { FailureDestination, GiveUpCondition } from '../failure/failure-destination.ts';
import type { Handler, HandlerContext, ProgramContext } from '../handlers/handler.ts';
import type { Payloads } from '../payload/payloads.ts';
import type { OnWorkerEvent } from '../worker-event.ts';
import type { BatchSpans } from './batch-spans.ts';
import type { RecordBuffer } from './batching.ts';
import type { BudgetShare } from './byte-budget.ts';
import type { Care } from './care.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { Lanes } from './lanes.ts';
import type { LoadMeter } from './load-meter.ts';
import type { OneByOne } from './one-by-one.ts';
import type { Restarts } from './restarts.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** What a shard consumer asks of each of its lanes. */
export interface DeliveryOptions {
  shardId: string;
  handler: Pick<Handler, 'kind' | 'fit' | 'handle' | 'open' | 'limitsTime'>;
  /** How long the handler may take for a batch, ms. */
  timeoutMs: number;
  policy: RetryPolicy;
  /** Undefined: data is bytes, whatever they are. */
  payloads?: Payloads | undefined;
  /** Undefined: what is given up is told, and gone. */
  destination?: FailureDestination | undefined;
  context: Omit<
    HandlerContext,
    'signal' | 'stop' | 'timeoutMs' | 'attempt' | 'deadlineMs' | 'shardId' | 'traceparent'
  >;
  /** Undefined: nobody traces. */
  spans?: BatchSpans | undefined;
  /** The gate: asked before each batch and each acknowledgement. */
  leaseIsGood: () => boolean;
  /** The worker was told to stop; its shards are told soon after. */
  isStopping: () => boolean;
  /** The handler goes on with a batch though it was told to stop: only the end of its process ends that. */
  onStuck: (error: KcgError) => void;
  clock: Clock;
  random: Random;
  onEvent: OnWorkerEvent;
}

/** What a lane has to do with the rest of its shard. */
export interface LaneOptions extends DeliveryOptions {
  lane: number;
  lanes: number;
  buffer: RecordBuffer;
  /** Of the shard. */
  care: Care;
  /** Aborts waiting. */
  stop: AbortSignal;
  /** Aborts handlers. */
  abandon: AbortSignal;
  /** A batch that is not full is to be delivered all the same. */
  isUrgent: () => boolean;
  /** Nothing comes after what waits. */
  isLast: () => boolean;
  behindMs: () => number;
  /** The records are through: `processed`, or given up for this reason. */
  onFinished: (lane: number, records: readonly UserRecord[], how: 'processed' | GiveUpCondition) => void;
  /** That much of what was waiting is not any more. */
  onReleased: (bytes: number) => void;
  lose: (reason: string) => void;
}

/** What delivering a shard asks for beside that. */
export interface ShardConsumerOptions extends DeliveryOptions {
  reader: ShardReader;
  lanes: Lanes;
  /** Of the worker's memory; the reader asks it for room. */
  share: BudgetShare;
  checkpointer: Checkpointer;
  meter: LoadMeter;
  /** Where reading begins; for a handler that checkpoints itself. */
  from: ProgramContext['from'];
  /** Of the programs of this shard, one after the other. */
  restarts: Restarts;
  /** How far behind the shard is, ms, until the first read tells. */
  behindMs: number;
  /** As the row says when the shard is taken. */
  givenUp?: GivenUp | undefined;
  unfinished?: Unfinished | undefined;
  /** Of the worker: batches begun with care. */
  turns: OneByOne;
}
