import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const SHOWN = 20;

export interface FileCost {
  file: string;
  /** Seconds after the first file; undefined when it came to no beginning. */
  begunAt: number | undefined;
  /** Import, hooks and tests, seconds on the clock. */
  seconds: number;
  /** Of its process and of those it started and waited for; undefined when it came to no end. */
  cpuSeconds: number | undefined;
}

/**
 * The test files that take longest, and what all files cost: so many seconds in so many places, and of CPU, are what the whole run takes.
 * Nothing when few files ran.
 */
export function slowestFiles(costs: readonly FileCost[]): string | undefined {
  if (costs.length <= SHOWN) return undefined;
  const column = (value: number | undefined, digits = 1) => (value?.toFixed(digits) ?? '-').padStart(7);
  const total = (of: (cost: FileCost) => number | undefined) =>
    costs.reduce((sum, cost) => sum + (of(cost) ?? 0), 0).toFixed(0);
  const rows = costs
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, SHOWN)
    .map(
      ({ file, begunAt, seconds, cpuSeconds }) =>
        ` ${column(begunAt, 0)}  ${column(seconds)}  ${column(cpuSeconds)}  ${file}`,
    );
  const all = `all files: ${total(({ seconds }) => seconds)} seconds, ${total(({ cpuSeconds }) => cpuSeconds)} CPU seconds`;
  return [
    `The slowest ${SHOWN} of ${costs.length} files (begun at, seconds, CPU seconds); ${all}`,
    ...rows,
  ].join('\n');
}

export class SlowestFilesReporter implements Reporter {
  readonly #begun = new Map<string, number>();

  onTestModuleQueued({ moduleId }: TestModule): void {
    this.#begun.set(moduleId, performance.now());
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const first = Math.min(...this.#begun.values());
    const costs = modules.map((module) => {
      const { collectDuration, setupDuration, duration } = module.diagnostic();
      const begun = this.#begun.get(module.moduleId);
      return {
        file: relative(process.cwd(), module.moduleId),
        begunAt: begun === undefined ? undefined : (begun - first) / 1_000,
        seconds: (collectDuration + setupDuration + duration) / 1_000,
        cpuSeconds: module.meta().cpuSeconds,
      };
    });
    const text = slowestFiles(costs);
    if (text !== undefined) process.stdout.write(`\n${text}\n`);
  }
}
