import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LONGEST, longTestsLeftOut } from './long-tests.ts';

it('leaves long tests out unless they are asked for', () => {
  expect(longTestsLeftOut({}, ['vitest', 'run'])).toContain('KCG_LONG=1');
  expect(longTestsLeftOut({ CI: 'false', KCG_LONG: '0' }, [])).toContain('KCG_LONG=1');
  expect(longTestsLeftOut({ CI: 'true' }, [])).toBeUndefined();
  expect(longTestsLeftOut({ KCG_LONG: '1' }, [])).toBeUndefined();
  expect(longTestsLeftOut({}, ['vitest', 'run', 'test/dev/kcl.long.test.ts'])).toBeUndefined();
});

it('has files begun early that are there', () => {
  expect(LONGEST.filter((file) => !existsSync(file))).toEqual([]);
});
