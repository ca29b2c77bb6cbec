import { describe, expect, it } from 'vitest';
import { AppWatch } from '../../../src/runtime/handlers/app-watch.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function aWatch(isBack: (nowMs: number) => boolean) {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const watch = new AppWatch({
    clock,
    onAway: () => seen.push(`away ${clock.monotonic()}`),
    findProblem: async () => {
      seen.push(`asked ${clock.monotonic()}`);
      return isBack(clock.monotonic()) ? undefined : 'nobody listens';
    },
  });
  return { clock, watch, seen };
}

describe('an application that gave no answer', () => {
  it('is back when it answers again, for all who wait', async () => {
    const { clock, watch, seen } = aWatch((nowMs) => nowMs >= 700);
    let back = 0;
    for (const isAway of [true, false]) void watch.back(isAway).then(() => (back += 1));
    await clock.advance(749);
    expect(back).toBe(0);
    await clock.advance(1);
    expect(back).toBe(2);
    expect(seen).toEqual(['away 0', 'asked 0', 'asked 250', 'asked 500', 'asked 750']);
  });

  it('is not back when it was there all the time', async () => {
    const { clock, watch, seen } = aWatch(() => true);
    let back = false;
    void watch.back(false).then(() => (back = true));
    await clock.advance(60_000);
    expect({ back, seen }).toEqual({ back: false, seen: ['asked 0'] });
  });

  it('is back for one who found it away while another looked, and found it there', async () => {
    const { clock, watch, seen } = aWatch(() => true);
    let back = false;
    void watch.back(false);
    void watch.back(true).then(() => (back = true));
    await clock.advance(1_000);
    expect({ back, seen }).toEqual({ back: true, seen: ['asked 0', 'away 0'] });
  });

  it('is watched anew each time, and not after the end', async () => {
    let isBack = true;
    const { clock, watch, seen } = aWatch(() => isBack);
    await watch.back(true);
    isBack = false;
    void watch.back(true);
    await clock.advance(300);
    watch.close();
    await clock.advance(60_000);
    expect(seen).toEqual(['away 0', 'asked 0', 'away 0', 'asked 0', 'asked 250']);
  });
});
