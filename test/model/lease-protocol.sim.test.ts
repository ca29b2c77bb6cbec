import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { explore } from './explore.ts';
import { caseRow, invariantRows, page, tell } from './proof.ts';

const REWRITE = 'docs/lease-proof.md differs: node test/model/write-proof.ts';

describe('the lease protocol, in every order of steps', () => {
  it.each(Object.entries(CASES))('holds: %s', (name, model) => {
    const found = explore(model);
    expect(tell(found)).toBe('');
    expect(page(), REWRITE).toContain(caseRow(name, found));
  });

  it('says on its page what holds', () => {
    for (const row of invariantRows()) expect(page(), REWRITE).toContain(row);
  });
});
