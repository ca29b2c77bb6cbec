import { describe, expect, it } from 'vitest';
import { SlotRing } from '../../src/dashboard/slot-ring.ts';

describe('a ring of slots', () => {
  it('keeps the greatest or the last value of each slot, oldest first', () => {
    const ring = new SlotRing(3, 10);
    ring.put(100, 5, 'greatest');
    ring.put(105, 2, 'greatest');
    ring.put(110, 2, 'last');
    ring.put(119, 1, 'last');
    expect(ring.read(119)).toEqual([null, 5, 1]);
  });

  it('has nothing for slots in which nothing was put, and forgets what is too old', () => {
    const ring = new SlotRing(3, 10);
    ring.put(100, 1, 'last');
    ring.put(120, 3, 'last');
    expect(ring.read(125)).toEqual([1, null, 3]);
    expect(ring.read(135)).toEqual([null, 3, null]);
    ring.put(135, 4, 'last');
    expect(ring.read(135)).toEqual([null, 3, 4]);
    expect(ring.read(1_000)).toEqual([null, null, null]);
  });

  it('begins anew after a gap that is longer than itself', () => {
    const ring = new SlotRing(3, 10);
    ring.put(100, 1, 'last');
    ring.put(500, 2, 'last');
    expect(ring.read(500)).toEqual([null, null, 2]);
  });

  it('leaves out what a clock that was set back a little says, and begins anew when it was set back by more', () => {
    const ring = new SlotRing(3, 10);
    ring.put(120, 1, 'last');
    ring.put(115, 9, 'last');
    expect(ring.read(120)).toEqual([null, null, 1]);
    ring.put(50, 2, 'last');
    expect(ring.read(50)).toEqual([null, null, 2]);
  });
});
