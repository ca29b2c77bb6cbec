import { resolve } from 'node:path';

/** Named by `bundle-kcg.ts`. */
export const BUNDLE_VARIABLE = 'KCG_TEST_BUNDLE';

/** The file that a process of `kcg` starts from: as it ships where tests run, the sources elsewhere. */
export const KCG = process.env[BUNDLE_VARIABLE] ?? resolve('src/main/cli.ts');
