import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { explore } from './explore.ts';
import { INVARIANTS } from './invariants.ts';

describe('the lease protocol, in every interleaving', () => {
  it.each(Object.keys(CASES))('holds with %s', (name) => {
    const { violation, states } = explore(CASES[name]!);
    expect(
      violation && [...violation.trace, INVARIANTS[violation.invariant], violation.what].join('\n'),
    ).toBeUndefined();
    expect(states).toBeGreaterThan(1_000);
  });
});
