import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const SHOWN = 10;

export interface FileCost {
  file: string;
  /** Import, hooks and tests, seconds on the clock. */
  seconds: number;
  /** Of its process and of those it started and waited for; undefined when it came to no end. */
  cpuSeconds: number | undefined;
}

/** The ten test files that take longest, and what all files cost in CPU. Nothing when few files ran. */
export function slowestFiles(costs: readonly FileCost[]): string | undefined {
  if (costs.length <= SHOWN) return undefined;
  const seconds = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(1)).padStart(7);
  const total = costs.reduce((sum, { cpuSeconds = 0 }) => sum + cpuSeconds, 0);
  const rows = costs
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, SHOWN)
    .map((cost) => ` ${seconds(cost.seconds)}  ${seconds(cost.cpuSeconds)}  ${cost.file}`);
  return [
    `The slowest ${SHOWN} of ${costs.length} files (seconds, CPU seconds); all files: ${total.toFixed(0)} CPU seconds`,
    ...rows,
  ].join('\n');
}

export class SlowestFilesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const text = slowestFiles(modules.map(costOf));
    if (text !== undefined) process.stdout.write(`\n${text}\n`);
  }
}

function costOf(module: TestModule): FileCost {
  const { collectDuration, setupDuration, duration } = module.diagnostic();
  return {
    file: relative(process.cwd(), module.moduleId),
    seconds: (collectDuration + setupDuration + duration) / 1_000,
    cpuSeconds: module.meta().cpuSeconds,
  };
}
