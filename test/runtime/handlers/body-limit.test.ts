import { describe, expect, it } from 'vitest';
import { BodyLimit } from '../../../src/runtime/handlers/body-limit.ts';
import { aRecord } from './a-batch.ts';

const records = (count: number, bytes = 1_000) =>
  Array.from({ length: count }, (_, index) =>
    aRecord(String(index), { partitionKey: 'key', data: new Uint8Array(bytes) }),
  );
const BATCH = records(64);

/** What goes out of `batch` to an application that takes `most` records. */
function sent(limit: BodyLimit, most: number, isSure = true): number[] {
  const sizes: number[] = [];
  for (let left = [...BATCH]; left.length > 0;) {
    const part = left.slice(0, limit.fit(left, 0));
    sizes.push(part.length);
    if (part.length <= most) left = left.slice(part.length);
    else limit.refused(part, isSure, 0);
  }
  return sizes;
}

describe('the limit of an application', () => {
  it('is found by halves, and then kept', () => {
    const limit = new BodyLimit();
    expect(sent(limit, 20)).toEqual([64, 32, 16, 16, 16, 16]);
    expect(sent(limit, 20)).toEqual([16, 16, 16, 16]);
  });

  it('lets one record go, however large', () => {
    const limit = new BodyLimit();
    expect(sent(limit, 1).slice(-1)).toEqual([1]);
    const [large] = records(1, 1_000_000);
    expect(limit.fit([large!, large!], 0)).toBe(1);
    expect(limit.refused([large!], true, 0)).toBe(false);
  });

  it('counts bytes, not records', () => {
    const limit = new BodyLimit();
    limit.refused(BATCH, true, 0);
    expect(limit.fit(records(640, 10), 0)).toBeGreaterThan(64);
  });

  it('is the smallest that was refused', () => {
    const limit = new BodyLimit();
    limit.refused(BATCH.slice(0, 8), true, 0);
    limit.refused(BATCH, true, 0);
    expect(limit.fit(BATCH, 0)).toBe(4);
  });

  it('is forgotten with the application, and what was only thought of it after ten minutes', () => {
    const limit = new BodyLimit();
    sent(limit, 20);
    expect(limit.fit(BATCH, 1e12)).toBe(16);
    limit.forget();
    expect(limit.fit(BATCH, 0)).toBe(64);
    sent(limit, 20, false);
    expect(limit.fit(BATCH, 599_999)).toBe(16);
    expect(limit.fit(BATCH, 600_000)).toBe(64);
  });
});
