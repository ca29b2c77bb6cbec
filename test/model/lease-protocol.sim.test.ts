import { describe, expect, it } from 'vitest';
import { CASES, SLOW_CASES } from './cases.ts';
import { explore } from './explore.ts';
import { caseRow, invariantRows, page, REWRITE, tell } from './proof.ts';

const quick = Object.entries(CASES).filter(([name]) => !SLOW_CASES.has(name));

describe('the lease protocol, in every order of steps', () => {
  it.each(quick)('holds: %s', (name, model) => {
    const found = explore(model);
    expect(tell(found)).toBe('');
    expect(page(), REWRITE).toContain(caseRow(name, found));
  });

  it('says on its page what holds', () => {
    for (const row of invariantRows()) expect(page(), REWRITE).toContain(row);
  });
});
