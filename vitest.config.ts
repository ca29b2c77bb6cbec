import { configDefaults, defineConfig } from 'vitest/config';
import { controlPlaneProblem } from './test/support/control-plane.ts';
import { longTestsLeftOut } from './test/support/long-tests.ts';
import { LongestFirst } from './test/support/longest-first.ts';
import { SlowestFilesReporter } from './test/support/slowest-files.ts';

// Tests that need an API server are left out where there is none, with a line that says how to get one;
// those that take minutes are left out unless they are asked for, with a line that says how.
const noCluster = controlPlaneProblem();
const noLong = longTestsLeftOut(process.env, process.argv);
for (const line of [noCluster, noLong]) if (line) process.stderr.write(`${line}\n`);

const leftOut = [
  ...configDefaults.exclude,
  ...(noCluster ? ['test/**/*.cluster.test.ts', 'test/**/*.cluster.long.test.ts'] : []),
  ...(noLong ? ['test/**/*.long.test.ts'] : []),
];
/** Those that need more than a processor: servers, processes, an API server, other people's programs. */
const needy = ['test/**/*.{local,cluster,node,long}.test.ts', 'test/**/*.{local,cluster,node}.long.test.ts'];

export default defineConfig({
  test: {
    // Tests that touch nothing but their own objects share their processes; loading the code anew for each costs more than they do.
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...leftOut, ...needy],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: needy,
          exclude: leftOut,
          globalSetup: ['test/support/bundle-kcg.ts'],
        },
      },
    ],
    setupFiles: [
      'test/support/note-cpu-time.ts',
      'test/support/property-seed.ts',
      'test/support/kube-cache.ts',
      'test/support/plain-env.ts',
    ],
    reporters: ['default', new SlowestFilesReporter()],
    sequence: { sequencer: LongestFirst },
    // For what hangs, and for nothing else: a machine that is wanted elsewhere is long in giving a test its turn, a wait of `until` is five
    // minutes of these, and a hook may have to install or to build what a test needs.
    testTimeout: 600_000,
    hookTimeout: 1_200_000,
    expect: { poll: { timeout: 120_000 } },
    // More than a small machine has processors: most files wait for servers and processes that they have started. Of five that run with long
    // ones two are the soak and the nodes' tests for most of the time, which need half a processor together.
    maxWorkers: noLong ? 3 : 5,
    pool: 'forks',
  },
});
