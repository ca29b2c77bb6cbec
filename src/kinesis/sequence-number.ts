/**
 * Sequence numbers in the form the service gives them out ("version 2"), 47 hex digits written as 56 decimal ones:
 *
 *     2 | shard's creation, s (9) | low digit of shard number (1) | count (16) | 00 | record's time, s (9) | shard number (8) | 2
 *
 * So they grow within a shard and from parent to child, and one shard's number is recognisably not another's.
 * Source: mhart/kinesalite `db/index.js`, which worked the format out from the real service.
 */
export interface SequenceOrigin {
  shardNumber: number;
  /** Whole seconds since the epoch. */
  createdAtSeconds: number;
}

const COUNT_BITS = 80n;
const COUNT_MASK = (1n << 64n) - 1n;
/** The count in the ending sequence number of every closed shard. */
export const LAST_COUNT = 0x7fffffffffffffffn;

/** Gives out one shard's numbers. */
export class SequenceSource {
  readonly #base: bigint;
  readonly #createdAtSeconds: number;
  #count = 0n;

  constructor({ shardNumber, createdAtSeconds }: SequenceOrigin) {
    this.#createdAtSeconds = createdAtSeconds;
    this.#base = baseOf(shardNumber, createdAtSeconds);
  }

  /** The starting sequence number of the shard; no record has it. */
  get starting(): string {
    return this.#at(0n, this.#createdAtSeconds);
  }

  ending(nowMs: number): string {
    return this.#at(LAST_COUNT, Math.floor(nowMs / 1000));
  }

  next(nowMs: number): string {
    this.#count += 1n;
    return this.#at(this.#count, Math.floor(nowMs / 1000));
  }

  /** Behind the first `count` records and before all others; it grows with time, too. */
  behind(count: number, nowMs: number): string {
    return this.#at(BigInt(count), Math.floor(nowMs / 1000));
  }

  #at(count: bigint, seconds: number): string {
    const time = Math.max(seconds, this.#createdAtSeconds);
    return (this.#base + (count << COUNT_BITS) + (BigInt(time) << 36n)).toString();
  }
}

function baseOf(shardNumber: number, createdAtSeconds: number): bigint {
  const digit = BigInt(shardNumber & 0xf);
  return (
    (2n << 184n) | (BigInt(createdAtSeconds) << 148n) | (digit << 144n) | (BigInt(shardNumber) << 4n) | 2n
  );
}

/** When its record came, ms since the epoch in whole seconds; undefined for text of another form, as emulators may have. */
export function timeOfSequence(sequence: string): number | undefined {
  const origin = parseSequence(sequence);
  if (origin === undefined) return undefined;
  const seconds = Number((BigInt(sequence) >> 36n) & 0xfffffffffn);
  return seconds < origin.createdAtSeconds ? undefined : seconds * 1000;
}

/** Which shard a number came from and how many records it had taken by then; undefined for other text. */
export function parseSequence(sequence: string): (SequenceOrigin & { count: bigint }) | undefined {
  if (!/^\d{1,128}$/.test(sequence)) return undefined;
  const number = BigInt(sequence);
  if (number >> 184n !== 2n || (number & 0xfn) !== 2n) return undefined;
  return {
    shardNumber: Number((number >> 4n) & 0xffffffffn),
    createdAtSeconds: Number((number >> 148n) & 0xfffffffffn),
    count: (number >> COUNT_BITS) & COUNT_MASK,
  };
}
