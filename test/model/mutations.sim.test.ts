import { describe, expect, it } from 'vitest';
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { mutationRow, page, tell } from './proof.ts';

/** A search that finds nothing proves little until it has found what was taken away on purpose. */
describe('the search notices', () => {
  it.each(MUTATIONS.filter(({ why }) => why === undefined))('$name', (mutation) => {
    const found = explore(mutation.model);
    expect(found.violation, 'nothing was violated').toBeDefined();
    expect(page(), `docs/lease-proof.md differs: node test/model/write-proof.ts\n${tell(found)}`).toContain(
      mutationRow(mutation, found),
    );
  });
});

describe('something else holds up', () => {
  it.each(MUTATIONS.filter(({ why }) => why !== undefined))('$name', (mutation) => {
    const found = explore(mutation.model);
    expect(tell(found)).toBe('');
    expect(page(), 'docs/lease-proof.md differs: node test/model/write-proof.ts').toContain(
      mutationRow(mutation, found),
    );
  });
});
