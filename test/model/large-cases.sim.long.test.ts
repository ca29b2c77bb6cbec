import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import { CI_CASES, LARGE_CASES, type LargeCaseName } from './cases.ts';
import { explore } from './explore.ts';
import { caseRow, page, tell } from './proof.ts';

/** All of them take hours and gigabytes; in a file of their own, so beside others. */
const all = env['KCG_MODEL'] === 'large';
const HOUR_MS = 3_600_000;

const cases = (Object.keys(LARGE_CASES) as LargeCaseName[]).filter((name) => all || CI_CASES.has(name));

describe('the lease protocol in larger groups, in every order of steps', () => {
  it.each(cases)(
    'holds: %s',
    (name) => {
      const found = explore(LARGE_CASES[name]);
      expect(tell(found)).toBe('');
      const rewrite = `docs/lease-proof.md differs: node test/model/write-proof.ts --large '${name}'`;
      if (CI_CASES.has(name)) expect(page(), rewrite).toContain(caseRow(name, found));
    },
    HOUR_MS,
  );

  it('has on its page where each is explored', () => {
    for (const name of Object.keys(LARGE_CASES) as LargeCaseName[]) {
      const row = page()
        .split('\n')
        .find((line) => line.startsWith(`| ${name} |`));
      expect(row?.endsWith(CI_CASES.has(name) ? '| CI |' : '| by the flag |'), name).toBe(true);
    }
  });
});
