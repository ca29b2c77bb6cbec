import { configDefaults, defineConfig } from 'vitest/config';
import { controlPlaneProblem } from './test/support/control-plane.ts';

// Tests that need an API server are left out where there is none, with a line that says how to get one.
const noCluster = controlPlaneProblem();
if (noCluster) process.stderr.write(`${noCluster}\n`);

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(noCluster ? ['test/**/*.cluster.test.ts'] : [])],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two processes at most: the suites start servers and processes of their own.
    maxWorkers: 2,
    pool: 'forks',
  },
});
