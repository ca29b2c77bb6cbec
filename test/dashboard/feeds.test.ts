import { describe, expect, it } from 'vitest';
import { BEAT_MS, Feeds, type FeedMessage } from '../../src/dashboard/feeds.ts';
import { ManualClock } from '../support/manual-clock.ts';

function feedsOf() {
  const clock = new ManualClock();
  const shown = { leads: true, looks: 0 };
  const feeds = new Feeds({
    clock,
    build: async (key) => {
      shown.looks += 1;
      return { kind: 'missing', id: key, role: { leads: shown.leads } };
    },
  });
  const read = (key = '') => {
    const got: FeedMessage[] = [];
    return {
      got,
      end: feeds.subscribe(key, (message) => got.push(message)),
      types: () => got.map(({ type }) => type),
    };
  };
  return { clock, shown, feeds, read };
}

describe('who reads a page', () => {
  it('gets it, what changes, and a sign of life when nothing does', async () => {
    const { clock, shown, read } = feedsOf();
    const reader = read();
    await clock.advance(1_000);
    shown.leads = false;
    await clock.advance(2_000);
    expect(reader.types()).toEqual(['page', 'change']);
    await clock.advance(BEAT_MS + 1_000);
    expect(reader.types()).toEqual(['page', 'change', 'beat']);
    reader.end();
  });

  it('costs one look for all that read the same, and none when nobody does', async () => {
    const { clock, shown, feeds, read } = feedsOf();
    await clock.advance(10_000);
    expect(shown.looks).toBe(0);
    const readers = [read('shop/orders'), read('shop/orders')];
    await clock.advance(4_500);
    expect(shown.looks).toBe(5);
    const late = read('shop/orders');
    expect(late.types()).toEqual(['page']);
    for (const { end } of [...readers, late]) end();
    expect(feeds.size).toBe(0);
    await clock.advance(10_000);
    expect(shown.looks).toBe(5);
  });
});
