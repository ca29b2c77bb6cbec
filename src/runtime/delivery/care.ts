import { compareCheckpoints, type Checkpoint } from '../../kinesis/position.ts';
import { compareSequence, justPosition, type RecordPosition } from '../../kinesis/record.ts';
import type { BegunBatch, Unfinished } from '../../leases/unfinished.ts';
import type { Progress } from '../../leases/transitions.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { Waiters } from '../../lib/loop.ts';
import type { Handler, HandlerResult } from '../handlers/handler.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { Lanes } from './lanes.ts';
import type { OneByOne } from './one-by-one.ts';
import { afterCall, cut, type Part, type RetryPolicy, type Verdict } from './retry-policy.ts';

/*
 * A handler in the worker's own process can end it: it crashes, blocks the event loop until the lease is gone, or does not
 * heed its signal. Failures that are counted in memory end with it, and the next owner would try the same batch for ever.
 *
 * Workers end for other reasons, too, and with all their shards, so an ending is no evidence against a batch. After
 * `ENDINGS` in a row, owners begin with care: the worker has one such batch at work at a time, the oldest of its shard and
 * nothing of the shard beside it; the row says so before it begins, and how it went before the next one does. A batch that a
 * row shows as begun has failed: its owner ended on it, and it goes on as after any failed call. The first time it may never
 * have been called, so that counts as a call and not as a failure. A batch whose call comes back did not end its worker:
 * while it waits to be tried again, other lanes have their turn.
 */

/** Owners in a row that end, before the next ones take care. The first may be a machine that is lost. */
export const ENDINGS = 2;
/** For how long, ms, and for as many batches as may have been at work at once when an owner ended. */
const CARE_MS = 10_000;
/** Who has held a shard so long and got on with it did not end like those before, ms. */
export const STEADY_MS = 60_000;
/** Between two checkpoints until then, ms: what is done again with care is not to be much. */
const HURRY_MS = 500;

export interface CareOptions {
  handler: Pick<Handler, 'kind'>;
  policy: RetryPolicy;
  lanes: Lanes;
  checkpointer: Checkpointer;
  /** Of the worker: batches begun with care. */
  turns: OneByOne;
  /** As the row says when the shard is taken. */
  unfinished: Unfinished | undefined;
  from: Checkpoint;
  /** What the row is to say now. */
  standing: () => Progress;
  /** No more batches. */
  stop: AbortSignal;
  /** The worker was told to stop, or the shard is to go elsewhere: what fails now has not failed by itself. */
  isStopping: () => boolean;
  clock: Clock;
}

/** What is done about a shard whose owners ended in the middle of it. */
export class Care {
  readonly #options: CareOptions;
  readonly #sinceMs: number;
  #isOn: boolean;
  /** The row may show that something is unfinished. */
  #isMarked: boolean;
  /** Found in the row, and not met yet. */
  #left: BegunBatch | undefined;
  /** By this owner. */
  #begun: BegunBatch | undefined;
  /** Calls begun with care that came back. */
  #done = 0;
  #isCalling = false;
  /** The oldest record of the shard: it failed, and waits to be tried again or to be given up. */
  #failed: RecordPosition | undefined;
  readonly #waiting = new Waiters();

  constructor(options: CareOptions) {
    this.#options = options;
    const { unfinished, handler, policy, checkpointer, clock } = options;
    // What ends with the worker is of no use to who gives up nothing and halves nothing.
    const isOfUse = handler.kind === 'module' && (policy.maxAttempts >= 0 || policy.bisectOnError);
    this.#sinceMs = clock.monotonic();
    this.#left = isOfUse ? unfinished?.begun : undefined;
    this.#isOn = isOfUse && (this.#left !== undefined || (unfinished?.endings ?? 0) >= ENDINGS);
    this.#isMarked = unfinished !== undefined;
    if (this.#isOn) checkpointer.mostMs = 0;
  }

  /** What the row is to say with this checkpoint; undefined: it has nothing to lose. */
  unfinishedAt(checkpoint: Checkpoint): Unfinished | undefined {
    if (!this.#isMarked) return undefined;
    const { unfinished, from, lanes } = this.#options;
    const getsOn = compareCheckpoints(checkpoint, from) > 0 || lanes.oldest === undefined;
    const endings = getsOn && this.#isSteady ? 0 : (unfinished?.endings ?? 0);
    const begun = this.#begun ?? this.#left;
    return { endings, begun: begun && isPassed(begun, checkpoint) ? undefined : begun };
  }

  get #isSteady(): boolean {
    return this.#heldMs >= STEADY_MS;
  }

  get #heldMs(): number {
    return this.#options.clock.monotonic() - this.#sinceMs;
  }

  /**
   * What becomes of a part in which an owner before has ended: undefined when none has. Told once. `ended`: of this part, which
   * is the first of `rest` or what is given up.
   */
  resume(part: Part): (Pick<Verdict, 'giveUp' | 'rest'> & { ended: Part | undefined }) | undefined {
    const left = this.#left;
    const index = left ? part.records.findIndex((record) => isAt(left, record)) : -1;
    if (left === undefined || index < 0) return undefined;
    if (index > 0) return { giveUp: undefined, rest: cut(part, index), ended: undefined };
    this.#left = undefined;
    this.#begun = left;
    this.failed(part.records[0]!);
    const { failures, calls, isMade } = left;
    const [begun, ...later] = cut(part, countOf(left, part));
    const ended = { ...begun!, failures, calls };
    const { giveUp, rest } =
      calls === 0 && !isMade
        ? { giveUp: undefined, rest: [{ ...ended, calls: 1 }] }
        : afterCall(ended, { outcome: 'failed', error: ENDED }, this.#options.policy);
    return { giveUp, rest: [...rest, ...later], ended };
  }

  /** Calls the handler when it is the part's turn, and the row says so. Undefined: it may not any more, after waiting. */
  async call(
    part: Part,
    mayStill: () => boolean,
    call: () => Promise<HandlerResult>,
  ): Promise<HandlerResult | undefined> {
    if (!this.#isOn) return call();
    const end = await this.#turn(part);
    try {
      if (this.#options.stop.aborted || !mayStill()) return undefined;
      if (end && this.#isOn) return await this.#callAlone(part, mayStill, call);
    } finally {
      end?.();
    }
    return call();
  }

  /** Its call ends with the worker, and was not begun with care. */
  endsOn(part: Part): void {
    this.#isMarked = true;
    this.#begun = { ...begunBatch(part), isMade: true };
  }

  /** What begins with this record is to be tried again, or given up; nothing of it runs. */
  failed(record: RecordPosition): void {
    const { oldest } = this.#options.lanes;
    if (!this.#isOn || oldest === undefined || !isAt(oldest, record)) return;
    this.#failed = justPosition(record);
    this.moved();
  }

  /** A part is through. */
  passed(part: Part): void {
    const { checkpointer, from, lanes } = this.#options;
    if (!this.#isOn) {
      if (checkpointer.mostMs === HURRY_MS && this.#isSteady) checkpointer.mostMs = Infinity;
      return;
    }
    this.#forget(part);
    if (this.#isCalling) return; // another lane: it is not left alone in the middle of that
    const { latest } = checkpointer;
    if (this.#left && isPassed(this.#left, latest)) this.#left = undefined;
    const isOver = this.#done >= lanes.count && this.#heldMs >= CARE_MS;
    if (!isOver || this.#left || compareCheckpoints(latest, from) <= 0) return;
    this.#isOn = false;
    checkpointer.mostMs = HURRY_MS;
    this.moved();
  }

  /** Another record of the shard is its oldest: it may be another lane's turn. */
  moved(): void {
    this.#waiting.wake();
  }

  /**
   * Nothing of a shard is at work beside what is begun with care: its lanes take turns, in the order of the stream. Undefined:
   * care is over, or it is told to stop.
   */
  async #turn({ records }: Part): Promise<(() => void) | undefined> {
    const { lanes, turns, stop, clock } = this.#options;
    const isNext = () =>
      [records[0]!, this.#failed].some((next) => !lanes.oldest || (next && isAt(lanes.oldest, next)));
    while (this.#isOn && !stop.aborted) {
      await this.#waiting.until(() => !this.#isOn || isNext(), clock, stop);
      if (!this.#isOn) return undefined;
      const end = await turns.enter(stop);
      if (end === undefined || isNext()) return end;
      end(); // what had failed is at work again, or still
    }
    return undefined;
  }

  async #callAlone(
    part: Part,
    mayStill: () => boolean,
    call: () => Promise<HandlerResult>,
  ): Promise<HandlerResult | undefined> {
    const before = this.#begun;
    this.#isCalling = true;
    if (this.#failed && isAt(this.#failed, part.records[0]!)) this.#failed = undefined;
    try {
      if (!(await this.#note(part))) return undefined;
      const result = mayStill() ? await call() : undefined;
      if (result) this.#done += 1;
      if (result === undefined || this.#options.isStopping()) this.#begun = before;
      return result;
    } finally {
      this.#isCalling = false;
    }
  }

  /** Also where it moves no checkpoint: what a program has yet to checkpoint, or behind a record that fails. */
  #forget({ records }: Part): void {
    const { checkpointer, lanes, standing } = this.#options;
    const begun = this.#begun;
    if (begun === undefined || (lanes.count > 1 && !isAt(begun, records[0]!))) return;
    this.#begun = undefined;
    if (!isPassed(begun, checkpointer.latest)) checkpointer.owe(standing());
  }

  async #note(part: Part): Promise<boolean> {
    const { checkpointer, standing, stop } = this.#options;
    const before = this.#begun;
    this.#isMarked = true;
    this.#begun = begunBatch(part);
    checkpointer.owe(standing());
    const isWritten = await checkpointer.written(stop);
    if (!isWritten) this.#begun = before;
    return isWritten;
  }
}

/** Of the call that the owner before did not live to see the end of, or saw fail before it handed the shard over. */
export const ENDED = new KcgError(
  'HandlerFailed',
  'the worker that had the shard before ended on this batch, or handed it over before the handler had done it',
);

function begunBatch({ records, failures, calls }: Part): BegunBatch {
  const last = records.at(-1)!.sequence;
  return { ...justPosition(records[0]!), records: records.length, last, failures, calls };
}

/** How many of the part, which begins with it, are of the batch. */
function countOf({ records, last }: BegunBatch, part: Part): number {
  const isBehind = (index: number) => compareSequence(part.records[index]!.sequence, last!) > 0;
  let count = Math.min(records, part.records.length);
  while (last !== undefined && count > 1 && isBehind(count - 1)) count -= 1;
  return count;
}

function isAt(one: RecordPosition, other: RecordPosition): boolean {
  return one.sequence === other.sequence && one.subSequence === other.subSequence;
}

function isPassed(begun: BegunBatch, checkpoint: Checkpoint): boolean {
  return compareCheckpoints(checkpoint, { at: 'SEQUENCE', ...justPosition(begun) }) >= 0;
}
