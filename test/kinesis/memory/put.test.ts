import { describe, expect, it } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../lone-clock.ts';

const MIB = 1024 * 1024;

function aStream(maxRecordKiB?: number, limits = true) {
  const clock = new LoneClock();
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0, limits });
  kinesis.createStream({ name: 'orders', maxRecordKiB });
  const put = (bytes: number) => outcomeOf(() => kinesis.putRecord('orders', sized(bytes)));
  return { clock, kinesis, put };
}

/** A record of `bytes`, partition key included. */
const sized = (bytes: number) => ({ partitionKey: 'k', data: new Uint8Array(bytes - 1) });

function outcomeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return KcgError.from(error).code;
  }
}

describe('the largest record', () => {
  it('is one of 1 MiB, partition key included, unless the stream says otherwise', () => {
    const { put, kinesis } = aStream(undefined, false);
    expect(put(MIB)).toBe('ok');
    expect(() => kinesis.putRecord('orders', sized(MIB + 1))).toThrow(
      "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
    );
  });

  it('is what the stream was created with', () => {
    const { put } = aStream(10_240, false);
    expect(put(10 * MIB)).toBe('ok');
    expect(put(10 * MIB + 1)).toBe('InvalidInput');
  });

  it('changes when the stream is ACTIVE again', () => {
    const clock = new LoneClock();
    const kinesis = new MemoryKinesis({ clock, transitionMs: 500, limits: false });
    kinesis.createStream({ name: 'orders' });
    clock.advance(500);
    const put = () => outcomeOf(() => kinesis.putRecord('orders', sized(2 * MIB)));
    kinesis.setMaxRecord('orders', 2048);
    expect(kinesis.describe('orders').status).toBe('UPDATING');
    expect(put()).toBe('InvalidInput');
    clock.advance(500);
    expect(put()).toBe('ok');
  });

  it.each([1023, 10_241, 2048.5])('is never of %d KiB', (kib) => {
    const { kinesis } = aStream();
    expect(outcomeOf(() => kinesis.setMaxRecord('orders', kib))).toBe('InvalidInput');
    expect(outcomeOf(() => kinesis.createStream({ name: 'other', maxRecordKiB: kib }))).toBe('InvalidInput');
  });
});

describe('a partition key', () => {
  it.each([
    ['ASCII', 'k'],
    ['CJK', '鍵'],
    ['beyond the Basic Multilingual Plane', '😀'],
  ])('has 1 to 256 characters, whatever they are: %s', (_, character) => {
    const { kinesis } = aStream();
    const put = (count: number) =>
      outcomeOf(() =>
        kinesis.putRecord('orders', { partitionKey: character.repeat(count), data: new Uint8Array() }),
      );
    expect([0, 1, 256, 257, 513].map(put)).toEqual([
      'InvalidInput',
      'ok',
      'ok',
      'InvalidInput',
      'InvalidInput',
    ]);
  });
});

describe('PutRecords', () => {
  it('takes 10 MiB, partition keys included, and no more', () => {
    const { kinesis } = aStream(undefined, false);
    const batch = Array.from({ length: 10 }, () => sized(MIB));
    expect(kinesis.putRecords('orders', batch)).toHaveLength(10);
    expect(() => kinesis.putRecords('orders', [...batch, sized(1)])).toThrow('exceeds 10 MB limit');
  });

  it('takes 500 records and no more', () => {
    const { kinesis } = aStream();
    const batch = Array.from({ length: 500 }, () => sized(1));
    expect(kinesis.putRecords('orders', batch)).toHaveLength(500);
    expect(() => kinesis.putRecords('orders', [...batch, sized(1)])).toThrow("Value at 'records' failed");
  });

  it('says which record is too large', () => {
    const { kinesis } = aStream();
    expect(() => kinesis.putRecords('orders', [sized(1), sized(MIB + 1)])).toThrow(
      "Value at 'records.2.member.data' failed",
    );
  });
});

describe('a shard', () => {
  it('takes a record of 10 MiB at once, and smaller ones as its tank refills', () => {
    const { clock, put } = aStream(10_240);
    expect(put(10 * MIB)).toBe('ok');
    expect(put(1)).toBe('Throttled');
    clock.advance(500);
    expect(put(MIB / 2)).toBe('ok');
    clock.advance(9000);
    expect(put(10 * MIB)).toBe('Throttled');
    clock.advance(1000);
    expect(put(10 * MIB)).toBe('ok');
  });

  it('takes a large record beside those that fill its second', () => {
    const { put } = aStream(10_240);
    expect(put(MIB)).toBe('ok');
    expect(put(1)).toBe('Throttled');
    expect(put(9 * MIB)).toBe('ok');
  });

  it('takes no more than 1 MiB a second of records up to 1 MiB', () => {
    const { clock, put } = aStream(10_240);
    clock.advance(60_000);
    expect(put(MIB)).toBe('ok');
    expect(put(MIB)).toBe('Throttled');
  });
});
