import { expect, test } from 'vitest';
import { cpuSeconds } from './cpu-time.ts';
import { slowestFiles, type FileCost } from './slowest-files.ts';

const costs = (count: number): FileCost[] =>
  Array.from({ length: count }, (_, i) => ({ file: `test/${i}.test.ts`, seconds: i, cpuSeconds: i / 2 }));

test('the ten slowest files are named, the slowest first, with what all of them cost', () => {
  const lines = slowestFiles([
    ...costs(12),
    { file: 'test/dead.test.ts', seconds: 50, cpuSeconds: undefined },
  ])!;
  expect(lines.split('\n')).toEqual([
    'The slowest 10 of 13 files (seconds, CPU seconds); all files: 33 CPU seconds',
    '    50.0        -  test/dead.test.ts',
    ...[11, 10, 9, 8, 7, 6, 5, 4, 3].map(
      (i) => ` ${i.toFixed(1).padStart(7)}  ${(i / 2).toFixed(1).padStart(7)}  test/${i}.test.ts`,
    ),
  ]);
});

test('who runs a few files wants no list of them', () => {
  expect(slowestFiles(costs(10))).toBeUndefined();
});

test('the CPU time of a process has that of the processes it started', () => {
  const stat = '7 (a (b) c) S 1 7 7 0 -1 4194560 100 200 0 0 150 50 700 100 20 0 1 0 99 1000 200';
  expect(cpuSeconds(stat)).toBe(10);
  expect(cpuSeconds()).toBeGreaterThan(0);
});
