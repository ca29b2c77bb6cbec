import { describe, expect, it } from 'vitest';
import {
  planRenewal,
  QUIET_MS,
  REFUSED_MS,
  RELOAD_MS,
  type RenewalFacts,
} from '../../src/dashboard/page/plan-renewal.ts';

const plan = (facts: Partial<RenewalFacts> = {}) =>
  planRenewal({
    isOther: true,
    sinceReloadMs: undefined,
    sinceRefusalMs: Infinity,
    sinceInputMs: Infinity,
    ...facts,
  });

describe('a page that was left open', () => {
  it('stays as long as it is the page that would be served', () => {
    expect(plan({ isOther: false })).toBe('none');
    expect(plan({ isOther: false, sinceReloadMs: 0 })).toBe('none');
  });

  it('is loaded anew when another would be', () => {
    expect(plan()).toBe('load');
  });

  it('waits until somebody who types or scrolls pauses', () => {
    expect(plan({ sinceInputMs: QUIET_MS - 1 })).toBe('wait');
    expect(plan({ sinceInputMs: QUIET_MS })).toBe('load');
  });

  it('says so where it has loaded itself anew just now, and does it again later', () => {
    expect(plan({ sinceReloadMs: 0 })).toBe('tell');
    expect(plan({ sinceReloadMs: RELOAD_MS - 1, sinceInputMs: 0 })).toBe('tell');
    expect(plan({ sinceReloadMs: RELOAD_MS })).toBe('load');
  });

  it('is not kept back by a clock that was set back', () => {
    expect(plan({ sinceReloadMs: -1 })).toBe('load');
  });

  it('says so while what would be loaded is not what answers', () => {
    expect(plan({ sinceRefusalMs: REFUSED_MS - 1 })).toBe('tell');
    expect(plan({ sinceRefusalMs: REFUSED_MS })).toBe('load');
  });
});
