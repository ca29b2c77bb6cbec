import { expect, test } from 'vitest';
import { cpuSeconds } from './cpu-time.ts';
import { slowestFiles, type FileCost } from './slowest-files.ts';

const costs = (count: number): FileCost[] =>
  Array.from({ length: count }, (_, i) => ({
    file: `test/${i}.test.ts`,
    begunAt: 100 + i,
    seconds: i,
    cpuSeconds: i / 2,
  }));

test('the twenty slowest files are named, the slowest first, with what all of them cost', () => {
  const dead = { file: 'test/dead.test.ts', begunAt: undefined, seconds: 50, cpuSeconds: undefined };
  const [head, ...rows] = slowestFiles([...costs(22), dead])!.split('\n');
  expect(head).toBe(
    'The slowest 20 of 23 files (begun at, seconds, CPU seconds); all files: 281 seconds, 116 CPU seconds',
  );
  expect(rows).toHaveLength(20);
  expect(rows.slice(0, 3)).toEqual([
    '       -     50.0        -  test/dead.test.ts',
    '     121     21.0     10.5  test/21.test.ts',
    '     120     20.0     10.0  test/20.test.ts',
  ]);
  expect(rows.at(-1)).toContain('test/3.test.ts');
});

test('who runs a few files wants no list of them', () => {
  expect(slowestFiles(costs(20))).toBeUndefined();
});

test('the CPU time of a process has that of the processes it started', () => {
  const stat = '7 (a (b) c) S 1 7 7 0 -1 4194560 100 200 0 0 150 50 700 100 20 0 1 0 99 1000 200';
  expect(cpuSeconds(stat)).toBe(10);
  expect(cpuSeconds()).toBeGreaterThan(0);
});
