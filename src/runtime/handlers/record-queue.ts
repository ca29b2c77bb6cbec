import { KcgError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/loop.ts';
import type { Clock } from '../../lib/clock.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { aborted } from './unless-aborted.ts';
import type {
  Batch,
  Handler,
  HandlerContext,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from './handler.ts';

const DONE: HandlerResult = { outcome: 'done' };
const LEFT = new KcgError('Aborted', 'nobody takes records any more');

/** A record that waits to be taken, or was taken and is not done. */
export interface QueuedRecord {
  shardId: string;
  record: UserRecord;
  /** Everything of its shard up to it is processed. False: the shard is not this worker's any more. */
  done: () => boolean;
}

interface Delivery {
  records: readonly UserRecord[];
  /** Index of the first that was not taken. */
  next: number;
  /** One was taken and is not done. */
  isInHand: boolean;
  program: ProgramContext;
  onDone: () => void;
  /** It will not be done here. */
  onLeft: () => void;
}

/**
 * Hands out the records of all shards one by one, the shards in turn. A shard's batch stays with its program until its last
 * record is done: that is the back-pressure, and no more than a batch of each shard waits here.
 */
export class RecordQueue {
  /** Of each shard that has one, the next in turn first. */
  readonly #deliveries = new Set<Delivery>();
  readonly #wakeup = new Wakeup();
  #isClosed = false;

  /** Undefined: closed, or `signal` has aborted. */
  async take(clock: Clock, signal: AbortSignal): Promise<QueuedRecord | undefined> {
    while (!this.#isClosed && !signal.aborted) {
      for (const delivery of this.#deliveries)
        if (delivery.next < delivery.records.length) return this.#taken(delivery);
      await this.#wakeup.sleep(clock, Infinity, signal);
    }
    return undefined;
  }

  /** Nothing is handed out any more. What waits comes again; what is in hand may still be done. */
  close(): void {
    this.#isClosed = true;
    for (const delivery of this.#deliveries) if (!delivery.isInHand) delivery.onLeft();
    this.#wakeup.wake();
  }

  /** Nobody is at work on anything any more: what is in hand comes again, too. */
  drop(): void {
    this.close();
    for (const delivery of this.#deliveries) delivery.onLeft();
  }

  /** For the worker. */
  handler(): Handler {
    const error = new KcgError('Internal', 'records are taken by shard');
    return {
      kind: 'module',
      start: async () => {},
      handle: async () => ({ outcome: 'failed', error }),
      open: (program) => this.#program(program),
      close: async () => this.close(),
    };
  }

  #taken(delivery: Delivery): QueuedRecord {
    const { records, program } = delivery;
    const record = records[delivery.next]!;
    delivery.next += 1;
    delivery.isInHand = true;
    this.#deliveries.delete(delivery);
    this.#deliveries.add(delivery); // behind the others
    const { next } = delivery;
    const done = () => {
      const { outcome } = program.checkpoint(record);
      if (delivery.next === next) {
        delivery.isInHand = false; // else one behind it is
        if (next === records.length) delivery.onDone();
        else if (this.#isClosed) delivery.onLeft();
      }
      return outcome === 'noted';
    };
    return { shardId: program.shardId, record, done };
  }

  #program(program: ProgramContext): ShardProgram {
    return {
      broken: new Promise<KcgError>(() => {}),
      start: async () => DONE,
      handle: (batch, context) => this.#deliver(program, batch, context),
      shardEnded: async () => {
        program.checkpoint('all delivered');
        return DONE;
      },
      shutdownRequested: async () => DONE,
      close: async () => {},
    };
  }

  /**
   * Over when each record is done. Once nobody takes records any more, it is over when its shard is drained, and not before: it
   * would seem to be processed, and be the last of a shard that is closed.
   */
  #deliver(
    program: ProgramContext,
    { records }: Batch,
    { signal, stop }: HandlerContext,
  ): Promise<HandlerResult> {
    return new Promise((resolve) => {
      const end = (result: HandlerResult) => {
        signal.removeEventListener('abort', onAbort);
        stop?.removeEventListener('abort', onStop);
        this.#deliveries.delete(delivery);
        resolve(result);
      };
      const onDone = () => end(DONE);
      // What was not taken by then comes again.
      const onAbort = () => end({ outcome: 'failed', error: aborted(signal), isBroken: true });
      // Where nobody has taken any of it, nothing is delivered.
      const onStop = () =>
        delivery.next > 0 ? onDone() : end({ outcome: 'failed', error: LEFT, isMissed: true });
      const onLeft = () => (!stop || stop.aborted ? onStop() : stop.addEventListener('abort', onStop));
      const delivery: Delivery = { records, next: 0, isInHand: false, program, onDone, onLeft };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      if (this.#isClosed) return onLeft();
      this.#deliveries.add(delivery);
      this.#wakeup.wake();
    });
  }
}
