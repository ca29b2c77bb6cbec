import { afterAll } from 'vitest';
import { cpuSeconds } from './cpu-time.ts';

/* A setup file: notes for the reporter what each test file has cost. */

declare module 'vitest' {
  interface TaskMeta {
    cpuSeconds?: number;
  }
}

/** Files may share a process, which has then cost this much already. The first pays for the start. */
const counted = globalThis as typeof globalThis & { countedCpuSeconds?: number };

// The first hook that is registered is the last to run, after the file's own.
// oxlint-disable-next-line no-empty-pattern -- vitest takes fixtures by their names here, and none is needed
afterAll(({}, suite) => {
  const all = cpuSeconds();
  suite.file.meta.cpuSeconds = all - (counted.countedCpuSeconds ?? 0);
  counted.countedCpuSeconds = all;
});
