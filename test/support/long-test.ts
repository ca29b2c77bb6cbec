import { test } from 'vitest';
import { wantsLongTests } from './long-tests.ts';

/** A test of a quick file that takes its time: where long tests run. */
export const longTest = test.runIf(wantsLongTests(process.env));
