import { describe, expect, it } from 'vitest';
import {
  ancestorsOf,
  holesBetween,
  hasLeft,
  lineageOf,
  parallelReadable,
} from '../../src/kinesis/lineage.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { isOpen, type Shard } from '../../src/kinesis/shard.ts';
import { LoneClock } from './lone-clock.ts';

const HALF = 2n ** 127n;

/** 0 and 1 are halves; 0 split into 2 and 3; 3 and 1 merged into 4. */
function aFamily(): Shard[] {
  const kinesis = new MemoryKinesis({ clock: new LoneClock(), transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 2 });
  kinesis.splitShard('orders', id(0), String(HALF / 2n));
  kinesis.mergeShards('orders', id(3), id(1));
  return kinesis.listShards('orders').shards;
}
const id = (number: number) => `shardId-00000000000${number}`;

describe('lineage', () => {
  it('knows parents and ancestors', () => {
    const lineage = lineageOf(aFamily());
    expect(lineage.parents.get(id(4))?.toSorted()).toEqual([id(1), id(3)]);
    expect(lineage.parents.get(id(0))).toEqual([]);
    expect(ancestorsOf(lineage, id(4)).toSorted()).toEqual([id(0), id(1), id(3)]);
  });

  it('treats parents that left the stream as none', () => {
    const lineage = lineageOf(aFamily().slice(2));
    expect(lineage.parents.get(id(2))).toEqual([]);
    expect(ancestorsOf(lineage, id(4))).toEqual([id(3)]);
    expect(lineage.parents.get(id(4))).toEqual([id(3)]);
  });
});

describe('coverage', () => {
  const range = (start: bigint, end: bigint) => ({ hashStart: String(start), hashEnd: String(end) });
  const MAX = 2n ** 128n - 1n;

  it('is whole for the open shards of a stream', () => {
    expect(holesBetween(aFamily().filter(isOpen))).toEqual([]);
  });

  it.each([
    ['of no shards', [], [{ start: 0n, end: MAX }]],
    ['a hole at the start', [range(5n, MAX)], [{ start: 0n, end: 4n }]],
    ['a hole at the end', [range(0n, HALF)], [{ start: HALF + 1n, end: MAX }]],
    ['a hole between', [range(HALF, MAX), range(0n, 9n)], [{ start: 10n, end: HALF - 1n }]],
    ['none where shards overlap', [range(0n, HALF), range(HALF - 1n, MAX)], []],
    ['none within a wider shard', [range(0n, MAX), range(3n, 7n)], []],
  ])('finds %s', (_, shards, holes) => {
    expect(holesBetween(shards)).toEqual(holes);
  });
});

describe('parallel readable shards', () => {
  it('are the most that do not wait for one another', () => {
    const family = aFamily();
    const by = (...wanted: number[]) =>
      parallelReadable(family.filter((shard) => wanted.includes(Number(shard.shardId.slice(-1)))));
    expect(by(0, 1, 2, 3, 4)).toBe(3);
    expect(by(0, 1)).toBe(2);
    expect(by(2, 4)).toBe(2);
    expect(by(3, 1, 4)).toBe(2);
    expect(by(0, 2)).toBe(1);
    expect(by()).toBe(0);
  });
});

describe('a shard that is not listed', () => {
  const family = aFamily();
  const without = (...gone: number[]) =>
    family.filter((shard) => !gone.includes(Number(shard.shardId.slice(-1))));

  it('has left when younger shards cover all of its hash keys', () => {
    expect(hasLeft(family[0]!, without(0))).toBe(true);
    expect(hasLeft(family[0]!, without(0, 1, 3))).toBe(true);
    expect(hasLeft(family[0]!, family)).toBe(false);
  });

  it('is too new for the list when only older ones do', () => {
    expect(hasLeft(family[4]!, without(4))).toBe(false);
    expect(hasLeft(family[3]!, without(3, 4))).toBe(false);
    expect(hasLeft(family[0]!, [])).toBe(false);
  });
});
