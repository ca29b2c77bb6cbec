import { BEFORE_RECORD, compareCheckpoints, type Checkpoint } from '../../kinesis/position.ts';
import { isPayloadPosition, payloadPosition } from '../../kinesis/payload-position.ts';
import {
  comparePositions,
  justPosition,
  type RecordPosition,
  type UserRecord,
} from '../../kinesis/record.ts';
import type { AskedPosition } from '../handlers/handler.ts';

/** What becomes of a checkpoint. `same`: nothing moves. `end`: of the shard, whose children may begin. */
export type CheckpointVerdict =
  | { as: 'position'; checkpoint: Checkpoint }
  | { as: 'same' }
  | { as: 'end' }
  | { as: 'refused'; message: string };

/** Records that were handed over and lie behind no checkpoint. */
interface Stretch {
  last: RecordPosition;
  /** Of the oldest record that tells, ms since the epoch; 0 when none does. */
  arrivedAt: number;
  /** The last record before it that was given up without being handed over, and is not passed yet. */
  neverGotBefore: RecordPosition | undefined;
}

const SEQUENCE = /^\d{1,128}$/;
const MOST_STRETCHES = 64;

/**
 * The position of a shard whose handler checkpoints itself. A checkpoint lies between the last one and the last record that
 * was handed over; at the end of the shard, the one at its last record is the end. These are KCL's rules (its
 * ShardRecordProcessorCheckpointer): a sequence number without sub-sequence number is the first user record of an aggregate,
 * and where records are cut into payloads the first of these.
 */
export class DeliveredPositions {
  /** What the program checkpointed last, or where it began. */
  #last: Checkpoint;
  #delivered: RecordPosition | undefined;
  /** The last record of what was handed over last, also again, and does not come again as it failed. */
  #current: RecordPosition | undefined;
  #before: RecordPosition | undefined;
  /** The last record that was given up behind all that was handed over: it could not be, or was too old. */
  #neverGot: RecordPosition | undefined;
  #isAtEnd = false;
  #isEndDone = false;
  /** In order; merged where there are many. */
  #open: Stretch[] = [];

  constructor(from: Checkpoint) {
    this.#last = from;
  }

  /** The end of the shard was checkpointed. */
  get isEndDone(): boolean {
    return this.#isEndDone;
  }

  /** Nothing that was handed over lies behind the last checkpoint. */
  get isAllDone(): boolean {
    return this.#open.length === 0;
  }

  /** When the oldest record arrived that may come again, ms since the epoch; undefined when there is none. */
  get oldestOpenMs(): number | undefined {
    return this.#open.find(({ arrivedAt }) => arrivedAt > 0)?.arrivedAt;
  }

  /** What was given up without being handed over, once everything before it is done. */
  get passed(): Checkpoint | undefined {
    const [open] = this.#open;
    const passed = open ? open.neverGotBefore : this.#neverGot;
    return passed && this.#stepTo(passed) > 0 ? { at: 'SEQUENCE', ...passed } : undefined;
  }

  /** They are about to be handed over: consecutive records, not empty. */
  delivered(records: readonly UserRecord[]): void {
    const last = justPosition(records.at(-1)!);
    if (this.#delivered === undefined) this.#beginAt(records[0]!);
    [this.#before, this.#current] = [this.#current, last];
    if (this.#delivered && comparePositions(last, this.#delivered) <= 0) return; // tried again
    this.#delivered = last;
    const arrivedAt = records.find((record) => record.arrivedAt > 0)?.arrivedAt ?? 0;
    this.#open.push({ last, arrivedAt, neverGotBefore: this.#neverGot });
    this.#neverGot = undefined;
    if (this.#open.length > MOST_STRETCHES) this.#open = inPairs(this.#open);
  }

  /** A record at which the last checkpoint is comes only when it is cut otherwise now: nothing of it is done. */
  #beginAt(first: UserRecord): void {
    const last = this.#last;
    if (last.at === 'SEQUENCE' && first.sequence === last.sequence && this.#stepTo(first) <= 0)
      this.#last = { ...last, subSequence: BEFORE_RECORD };
  }

  /** Of what was handed over last only the first `count` records are done: the others come again. */
  failed(records: readonly UserRecord[], count: number): void {
    this.#current = count > 0 ? justPosition(records[count - 1]!) : this.#before;
  }

  /** They do not come again after all. */
  gaveUp(records: readonly UserRecord[]): void {
    const last = justPosition(records.at(-1)!);
    const isDelivered = this.#delivered && comparePositions(last, this.#delivered) <= 0;
    if (isDelivered) this.#current = last;
    else this.#neverGot = last;
  }

  /** Everything in the shard was handed over. */
  reachedEnd(): void {
    this.#isAtEnd = true;
  }

  checkpoint(asked: AskedPosition): CheckpointVerdict {
    if (asked === 'all delivered') {
      if (this.#isAtEnd) return this.#end();
      const to = this.#current;
      // Of a batch that is tried again in parts, more may be checkpointed than the part.
      return to && this.#stepTo(to) > 0 ? this.#moveTo(to) : { as: 'same' };
    }
    const { sequence, subSequence = 0 } = asked;
    if (this.#isAtEnd && sequence === 'SHARD_END') return this.#end();
    if (this.#last.at !== 'SEQUENCE' && sequence === this.#last.at) return { as: 'same' };
    if (!SEQUENCE.test(sequence) || !Number.isSafeInteger(subSequence) || subSequence < 0)
      return refused(`${sequence}/${subSequence} is no position`);
    const least = isPayloadPosition(this.#delivered?.subSequence) ? payloadPosition(undefined, 0) : 0;
    const to = { sequence: sequence.replace(/^0+(?=\d)/, ''), subSequence: Math.max(subSequence, least) };
    const isLast = this.#delivered && comparePositions(to, this.#delivered) === 0;
    return this.#isAtEnd && isLast ? this.#end() : this.#moveTo(to);
  }

  #end(): CheckpointVerdict {
    if (this.#isEndDone) return { as: 'same' };
    this.#isEndDone = true;
    this.#open = [];
    return { as: 'end' };
  }

  /** From the last checkpoint. */
  #stepTo(to: RecordPosition): number {
    return this.#last.at === 'SEQUENCE' ? comparePositions(to, this.#last) : 1;
  }

  #moveTo(to: RecordPosition): CheckpointVerdict {
    const step = this.#stepTo(to);
    if (step === 0) return { as: 'same' };
    const beyond = this.#delivered ? comparePositions(to, this.#delivered) : 1;
    if (this.#isEndDone || step < 0 || beyond > 0) return refused(this.#outOfRange(to));
    const isPlain = beyond === 0 && this.#delivered?.subSequence === undefined;
    const checkpoint: Checkpoint = {
      at: 'SEQUENCE',
      sequence: to.sequence,
      ...(isPlain ? {} : { subSequence: to.subSequence ?? 0 }),
    };
    this.#open = this.#open.filter((stretch) => comparePositions(stretch.last, to) > 0);
    // The row may say that more of an aggregate is done.
    if (compareCheckpoints(checkpoint, this.#last) <= 0) return { as: 'same' };
    this.#last = checkpoint;
    return { as: 'position', checkpoint };
  }

  #outOfRange(to: RecordPosition): string {
    const delivered = this.#delivered ? show(this.#delivered) : 'nothing';
    const last = this.#last.at === 'SEQUENCE' ? show(this.#last) : this.#last.at;
    return `${show(to)} is not between the last checkpoint (${last}) and the last record handed over (${delivered})`;
  }
}

function refused(message: string): CheckpointVerdict {
  return { as: 'refused', message };
}

function show({ sequence, subSequence = 0 }: RecordPosition): string {
  return subSequence === 0 ? sequence : `${sequence}/${subSequence}`;
}

function inPairs(stretches: readonly Stretch[]): Stretch[] {
  return stretches.flatMap((stretch, index) => {
    const next = stretches[index + 1];
    if (index % 2 === 1) return [];
    return [next ? { ...stretch, last: next.last, arrivedAt: stretch.arrivedAt || next.arrivedAt } : stretch];
  });
}
