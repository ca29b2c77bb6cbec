import { hash } from 'node:crypto';

/** Hash keys are 128-bit numbers. */
export const HASH_KEY_COUNT = 1n << 128n;
/** 2^128 − 1: where the range of the last shard ends. */
const MAX_HASH_KEY = HASH_KEY_COUNT - 1n;

export interface HashRange {
  start: bigint;
  /** Inclusive. */
  end: bigint;
}

/** Where a record belongs: its explicit hash key, or else the MD5 of its partition key's UTF-8 bytes. */
export function hashKeyOf(partitionKey: string, explicitHashKey?: string): bigint {
  return explicitHashKey === undefined ? BigInt(`0x${hash('md5', partitionKey)}`) : BigInt(explicitHashKey);
}

/** A decimal number of at most 128 bits, without leading zeros. */
export function isHashKey(text: string): boolean {
  return /^(0|[1-9]\d{0,38})$/.test(text) && BigInt(text) <= MAX_HASH_KEY;
}

/** From decimal ends, both inclusive. */
export function parseHashRange(shard: { hashStart: string; hashEnd: string }): HashRange {
  return { start: BigInt(shard.hashStart), end: BigInt(shard.hashEnd) };
}

/** `count` even ranges as CreateStream cuts them: all of one size, the last one takes the rest of the division. */
export function evenRanges(count: number): HashRange[] {
  const size = HASH_KEY_COUNT / BigInt(count);
  return Array.from({ length: count }, (_, index) => ({
    start: BigInt(index) * size,
    end: index === count - 1 ? MAX_HASH_KEY : BigInt(index + 1) * size - 1n,
  }));
}
