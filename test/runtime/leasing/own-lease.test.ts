import { describe, expect, it } from 'vitest';
import { OwnLease } from '../../../src/runtime/leasing/own-lease.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

async function after(ms: number) {
  const clock = new VirtualClock();
  const lease = new OwnLease(clock, 10_000);
  lease.renewed(clock.monotonic());
  await clock.advance(ms);
  return { lease, clock };
}

describe("the worker's own lease", () => {
  it('is not good before the first beat', () => {
    expect(new OwnLease(new VirtualClock(), 10_000).isGood()).toBe(false);
  });

  it('ends a tenth of the duration early, counted from before the beat was sent', async () => {
    const { lease, clock } = await after(8_999);
    expect(lease.isGood()).toBe(true);
    await clock.advance(1);
    expect(lease.isGood()).toBe(false);
  });

  it('stays over when the answer to a beat that was sent in time comes too late', async () => {
    const { lease } = await after(9_000);
    lease.renewed(8_000);
    expect(lease.isGood()).toBe(false);
  });

  it('is not shortened by the answer to an older beat', async () => {
    const { lease } = await after(8_000);
    lease.renewed(7_000);
    lease.renewed(3_000);
    expect(lease.goodForMs()).toBe(8_000);
  });

  it('cannot be renewed once it is lost', async () => {
    const { lease, clock } = await after(1_000);
    lease.lost();
    lease.renewed(clock.monotonic());
    expect(lease.isGood()).toBe(false);
  });
});
