import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const [, ...sections] = readFileSync('docs/peer-scenarios.md', 'utf8').split('\n## ');
const numbersOf = (section: string) =>
  [...section.matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test.each<[string, number[]]>([
  ['KCL', range(1, 84)],
  ["KCL's MultiLangDaemon", range(85, 96)],
  ['Whole groups', range(97, 114)],
  ['async-kinesis', range(1, 60)],
])('no scenario of %s is left out', (title, numbers) => {
  const section = sections.find((each) => each.startsWith(title));
  expect(numbersOf(section ?? '')).toEqual(numbers);
});

test('no weakness of async-kinesis is left out that no scenario covers', () => {
  const section = sections.find((each) => each.startsWith('Weaknesses'));
  const numbers = [...(section ?? '').matchAll(/^\| W(\d+) \|.*`test\//gm)].map(([, number]) =>
    Number(number),
  );
  expect(numbers).toEqual([13, 17, 20, 21, 22, 26, 27, 30]);
});

describe('each test that the table names exists', () => {
  const named = sections.flatMap((section) => [
    ...section.matchAll(/`(test\/[^`]+\.ts)`(?:: ([^|)`]+?))?(?=; `| \||\)|$)/gm),
  ]);
  test('there are many', () => expect(named.length).toBeGreaterThan(100));
  test.each(named.map(([, file = '', title = '']) => [file, title]))('%s: %s', (file, title) => {
    expect(existsSync(file)).toBe(true);
    if (title) expect(readFileSync(file, 'utf8').replaceAll("\\'", "'")).toContain(title);
  });
});

test('a scenario without a test says why', () => {
  const rows = sections.flatMap((section) => section.match(/^\| \d+ \|.*$/gm) ?? []);
  const without = rows.filter((row) => !row.includes('`test/'));
  for (const row of without) expect(row).toMatch(/does not apply|not yet/);
});
