import { describe, expect, it } from 'vitest';
import { CASES, SLOW_CASES } from './cases.ts';
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { caseRow, mutationRow, page, REWRITE, tell } from './proof.ts';

/* What takes seconds each: the larger of the small cases, and what has to be explored to its end to see that nothing is violated. */

describe('the lease protocol, in every order of steps', () => {
  it.each(Object.entries(CASES).filter(([name]) => SLOW_CASES.has(name)))('holds: %s', (name, model) => {
    const found = explore(model);
    expect(tell(found)).toBe('');
    expect(page(), REWRITE).toContain(caseRow(name, found));
  });
});

describe('something else holds up', () => {
  it.each(MUTATIONS.filter(({ why }) => why !== undefined))('$name', (mutation) => {
    const found = explore(mutation.model);
    expect(tell(found)).toBe('');
    expect(page(), REWRITE).toContain(mutationRow(mutation, found));
  });
});
