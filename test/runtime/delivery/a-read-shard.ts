import type { ReadResult } from '../../../src/kinesis/shard-reader.ts';
import type { Checkpoint } from '../../../src/kinesis/position.ts';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import type { RowWrite } from '../../../src/leases/row-write.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { ByteBudget } from '../../../src/runtime/delivery/byte-budget.ts';
import { Checkpointer } from '../../../src/runtime/delivery/checkpointer.ts';
import { Lanes } from '../../../src/runtime/delivery/lanes.ts';
import { LoadMeter } from '../../../src/runtime/delivery/load-meter.ts';
import { OneByOne } from '../../../src/runtime/delivery/one-by-one.ts';
import { Restarts } from '../../../src/runtime/delivery/restarts.ts';
import type { RetryPolicy } from '../../../src/runtime/delivery/retry-policy.ts';
import type { ShardConsumerOptions } from '../../../src/runtime/delivery/delivery-options.ts';
import { ShardConsumer } from '../../../src/runtime/delivery/shard-consumer.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import type { WorkerEvent } from '../../../src/runtime/worker-event.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

export type Handle = (batch: Batch, context: HandlerContext) => Promise<HandlerResult>;

export interface ReadShardOptions extends Partial<
  Omit<ShardConsumerOptions, 'lanes' | 'policy' | 'handler'>
> {
  /** What each read brings, as `key` or `key@arrival in ms`; after the last the shard has ended when `isClosed`. */
  reads: string[][];
  isClosed?: boolean;
  /** Between two reads, ms. */
  readEveryMs?: number;
  lanes?: number;
  batchSize?: number;
  policy?: Partial<RetryPolicy>;
  kind?: Handler['kind'];
  handle: Handle;
  /** Of a handler that checkpoints itself. */
  open?: NonNullable<Handler['open']>;
}

/** A shard consumer on a shard whose records are given: the sequence numbers count from 1. */
export function aReadShard({
  reads,
  isClosed,
  readEveryMs = 0,
  lanes = 1,
  batchSize = 100,
  policy,
  kind = 'module',
  handle,
  open,
  ...options
}: ReadShardOptions) {
  const clock = new VirtualClock();
  const random = () => 1;
  const events: WorkerEvent[] = [];
  const writes: RowWrite[] = [];
  let sequence = 0;
  const left = reads.map((keys) =>
    keys.map((text): UserRecord => {
      const [key = '', arrival = '0'] = text.split('@');
      sequence += 1;
      const data = Buffer.from(String(sequence));
      return {
        sequence: String(sequence),
        partitionKey: key,
        data,
        arrivedAt: clock.now() + Number(arrival),
      };
    }),
  );
  const next = async (signal: AbortSignal): Promise<ReadResult> => {
    if (sequence > 0 && left.length < reads.length) await clock.sleep(readEveryMs, { signal });
    const records = left.shift();
    if (records === undefined) await clock.sleep(1e9, { signal });
    const end = isClosed && left.length === 0 ? { childShards: [] } : undefined;
    return {
      records: records ?? [],
      bytes: 0,
      lastSequence: records?.at(-1)?.sequence,
      millisBehindLatest: 0,
      end,
    };
  };
  const checkpointer = new Checkpointer({
    table: Object.assign(new MemoryLeaseTable(), {
      write: async (write: RowWrite) => {
        writes.push(write);
        return { outcome: 'done', row: undefined } as const;
      },
    }),
    clock,
    random,
    load: 0,
    readAt: undefined,
    intervalMs: 0,
    from: { at: 'TRIM_HORIZON' },
    own: { shardId: 's', epoch: 1, owner: { worker: 'w', incarnation: '1' } },
    onLost: () => {},
    beatsFail: () => false,
    onTrouble: () => {},
  });
  const handler = { kind, handle, ...(open ? { open } : {}) };
  const consumer = new ShardConsumer({
    shardId: 's',
    reader: { next, unreadForMs: () => 0 },
    lanes: new Lanes(lanes, { batchSize, batchWindowMs: 0 }),
    from: { at: 'TRIM_HORIZON' },
    restarts: new Restarts(),
    policy: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false, ...policy },
    timeoutMs: 900_000,
    onStuck: () => {},
    share: new ByteBudget(1e9).share(Infinity),
    turns: new OneByOne(),
    checkpointer,
    meter: new LoadMeter(0, 0),
    behindMs: 0,
    handler,
    context: { groupId: 'g', streamName: 'n', streamArn: 'arn', region: 'r', log: silentLog },
    leaseIsGood: () => true,
    isStopping: () => false,
    clock,
    random,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const running = consumer.run();
  const sequenceOf = (checkpoint: Checkpoint) =>
    checkpoint.at === 'SEQUENCE' ? Number(checkpoint.sequence) : 0;
  return {
    clock,
    consumer,
    running,
    events,
    writes,
    checkpointer,
    /** Up to which record all is finished. */
    checkpoint: () => sequenceOf(checkpointer.latest),
    told: (type: WorkerEvent['type']) => events.filter((event) => event.type === type),
    end: async () => {
      consumer.lose('the test is over');
      await clock.advance(1_000);
      return running;
    },
  };
}

export const numbersOf = ({ records }: Pick<Batch, 'records'>): number[] =>
  records.map(({ sequence }) => Number(sequence));
