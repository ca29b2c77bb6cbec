import { describe, expect, it } from 'vitest';
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { mutationRow, page, REWRITE, tell } from './proof.ts';

const isLarge = process.env['KCG_MODEL'] === 'large';
const HOUR_MS = 3_600_000;

/** A search that finds nothing proves little until it has found what was taken away on purpose. */
describe('the search notices', () => {
  it.each(MUTATIONS.filter(({ why }) => why === undefined))('$name', (mutation) => {
    const found = explore(mutation.model);
    expect(found.violation, 'nothing was violated').toBeDefined();
    expect(page(), `${REWRITE}\n${tell(found)}`).toContain(mutationRow(mutation, found));
  });
});

/** Forgetting doomed writes and letting workers change places must hide nothing. KCG_MODEL=large only: minutes. */
describe.runIf(isLarge)('without any reduction the search finds the same, in as many steps', () => {
  it.each(MUTATIONS.filter(({ why }) => why === undefined))(
    '$name',
    ({ model }) => {
      const [reduced, full] = [explore(model), explore({ ...model, reduces: false })];
      expect(full.violation?.invariant).toBe(reduced.violation?.invariant);
      expect(full.violation?.trace.length).toBe(reduced.violation?.trace.length);
    },
    HOUR_MS,
  );
});
