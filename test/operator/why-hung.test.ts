import { expect, test } from 'vitest';
import { whyHung, type SignsOfLife } from '../../src/operator/why-hung.ts';

const MINUTE = 60_000;

test.each<[string, SignsOfLife, string | undefined]>([
  ['that watches nothing yet', { nowMs: 99 * MINUTE }, undefined],
  ['whose watches hear or ask', { nowMs: 99 * MINUTE, heardAtMs: 89 * MINUTE }, undefined],
  [
    'of which a watch does neither',
    { nowMs: 99 * MINUTE, heardAtMs: 88 * MINUTE },
    'a watch hears nothing, and does not ask anew',
  ],
  ['that ends', { nowMs: 99 * MINUTE, heardAtMs: 99 * MINUTE, lostAtMs: 98 * MINUTE }, undefined],
  [
    'that does not end',
    { nowMs: 99 * MINUTE, heardAtMs: 99 * MINUTE, lostAtMs: 97 * MINUTE },
    'it has lost the lead, and does not end',
  ],
])('of a process %s it tells whether it hangs', (_, signs, why) => {
  expect(whyHung(signs)).toBe(why);
});
