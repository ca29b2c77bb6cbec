import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two processes at most: the suites start servers and processes of their own.
    maxWorkers: 2,
    pool: 'forks',
  },
});
