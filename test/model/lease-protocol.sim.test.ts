import { describe, expect, it } from 'vitest';
import { CASES, LARGE_CASES } from './cases.ts';
import { explore } from './explore.ts';
import { caseRow, invariantRows, page, tell } from './proof.ts';

/** KCG_MODEL=large explores the large cases too: some millions of states, minutes, and up to 4 GB. */
const isLarge = process.env['KCG_MODEL'] === 'large';
const HOUR_MS = 3_600_000;
const REWRITE = 'docs/lease-proof.md differs: node test/model/write-proof.ts';

describe('the lease protocol, in every order of steps', () => {
  it.each(Object.entries(CASES))('holds: %s', (name, model) => {
    const found = explore(model);
    expect(tell(found)).toBe('');
    expect(page(), REWRITE).toContain(caseRow(name, found));
  });

  it.runIf(isLarge).each(Object.entries(LARGE_CASES))(
    'holds: %s',
    (_, model) => {
      expect(tell(explore(model))).toBe('');
    },
    HOUR_MS,
  );

  it('says on its page what holds', () => {
    for (const row of invariantRows()) expect(page(), REWRITE).toContain(row);
  });
});
