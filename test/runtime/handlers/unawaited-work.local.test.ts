import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

/*
 * All modules run in one process of their own, with Node's own loader. `later` settles when nobody waits for it any
 * more: only what is pending then, and not how long that takes, counts.
 */
const HEAD = `const later = () => new Promise((done) => setTimeout(done, 60_000).unref());
const soon = () => new Promise((done) => setImmediate(done));
const save = async (record) => { await soon(); return record; };
const slow = async (record) => { await later(); };
`;

interface Case {
  name: string;
  handler: string;
  /** Lines of the module where what still runs was begun; none: no warning. The handler begins in line 5. */
  warns?: number[];
  outcome?: string;
  rejection?: string;
}

// oxfmt-ignore
const CASES: Case[] = [
  { name: 'awaits one after the other', handler: 'async ({ records }) => { for (const record of records) await save(record); }' },
  { name: 'awaits all at once', handler: 'async ({ records }) => { await Promise.all(records.map(async (record) => { await save(record); })); }' },
  { name: 'returns the promise', handler: '({ records }) => Promise.all(records.map(save)).then(() => {})' },
  { name: 'awaits what fails', handler: 'async ({ records }) => { await Promise.all(records.map(save)); throw new Error("no"); }', outcome: 'failed' },
  { name: 'awaits failures away', handler: 'async ({ records }) => { await Promise.allSettled(records.map(async () => { await soon(); throw new Error("no"); })); }' },
  { name: 'leaves a timer behind a race', handler: 'async ({ records }) => { await Promise.race([save(1), later()]); }' },
  { name: 'has nothing to await', handler: '({ records }) => { records.forEach((record) => record.text()); }' },
  { name: 'is done but for its last steps', handler: 'async ({ records }) => { records.forEach(async () => { await 1; }); }' },

  { name: 'forgets forEach', handler: 'async ({ records }) => {\n  records.forEach(async (record) => {\n    await slow(record);\n  });\n}', warns: [4, 6, 7] },
  { name: 'forgets in a loop', handler: 'async ({ records }) => {\n  for (const record of records) slow(record);\n}', warns: [4] },
  { name: 'is no async function', handler: '({ records }) => {\n  for (const record of records) slow(record);\n}', warns: [1, 4] },
  { name: 'is no async function and chains', handler: '({ records }) => {\n  later().then(() => records);\n}', warns: [1, 6] },

  { name: 'gives a list of promises', handler: 'async ({ records }) => records.map(save)' },
  { name: 'gives a list of promises that fail', handler: 'async ({ records }) => records.map(async () => { await soon(); throw new Error("no"); })', outcome: 'failed' },
  { name: 'forgets what fails', handler: 'async ({ records }) => {\n  soon().then(() => { throw new TypeError("no such order"); });\n}', rejection: 'work that the handler did not await failed: TypeError: no such order' },
];

const folder = mkdtempSync(join(tmpdir(), 'kcg-unawaited-'));
for (const [index, { handler }] of CASES.entries()) {
  writeFileSync(join(folder, `${String(index).padStart(2, '0')}.mjs`), `${HEAD}export default ${handler};\n`);
}
const program = join(import.meta.dirname, 'fixtures/run-modules.ts');
const { stdout } = await promisify(execFile)(process.execPath, [program, folder]);
rmSync(folder, { recursive: true });
const results = stdout
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Result);

interface Result {
  name: string;
  outcomes: string[];
  warnings: { message: string; places: string[] }[];
  rejections: string[];
}

describe('a module that', () => {
  it.each(CASES.map((each, index) => ({ ...each, result: results[index]! })))(
    '$name',
    ({ warns, outcome = 'done', rejection, result }) => {
      expect(result.outcomes).toEqual([outcome, outcome, outcome]);
      if (warns === undefined) expect(result.warnings).toEqual([]);
      else {
        expect(result.warnings.map(({ message }) => message)).toEqual([
          'the handler returned while work that it began was still running',
        ]);
        const lines = result.warnings[0]!.places.map((place) => Number(/:(\d+)$/.exec(place)?.[1]));
        expect(new Set(lines)).toEqual(new Set(warns));
      }
      expect(result.rejections.every((told) => told.startsWith(rejection ?? 'none'))).toBe(true);
      expect(result.rejections.length > 0).toBe(rejection !== undefined);
    },
  );
});
