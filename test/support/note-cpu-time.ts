import { afterAll } from 'vitest';
import { cpuSeconds } from './cpu-time.ts';

/* A setup file: notes for the reporter what each test file has cost. */

declare module 'vitest' {
  interface TaskMeta {
    cpuSeconds?: number;
  }
}

// The first hook that is registered is the last to run, after the file's own.
// oxlint-disable-next-line no-empty-pattern -- vitest takes fixtures by their names here, and none is needed
afterAll(({}, suite) => {
  suite.file.meta.cpuSeconds = cpuSeconds();
});
