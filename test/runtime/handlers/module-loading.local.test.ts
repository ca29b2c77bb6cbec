import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'kcg-module-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** In a process of its own: the test runner has a loader of its own. */
async function load(name: string, source: string): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, source);
  const program = join(import.meta.dirname, 'fixtures/load-module.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, path]);
  return stdout.trim().replaceAll(folder, '');
}

describe("Node's own loader", () => {
  it.each([
    ['typed.ts', 'interface A { b: string }\nexport default async (a: A): Promise<void> => { a.b; };'],
    ['module.mjs', 'export default async () => {};'],
    ['common.cjs', 'module.exports = async () => {};'],
    ['compiled.cjs', 'exports.__esModule = true;\nexports.default = async () => {};'],
    ['lambda.mjs', 'export const handler = async (event, context) => {};'],
    ['lambda.ts', 'export const handler = async (event: { Records: unknown[] }): Promise<void> => {};'],
    ['lambda.cjs', 'exports.handler = (event, context, callback) => callback(null);'],
    ['lambda-object.cjs', 'module.exports = { handler: async () => {} };'],
    [
      'lambda-bundle.cjs',
      '0 && (module.exports = { handler });\nmodule.exports = Object.create({}, { handler: { enumerable: true, get: () => async () => {} } });',
    ],
  ])('loads %s', async (name, source) => {
    expect(await load(name, source)).toBe('loaded');
  });

  it.each([
    [
      'broken.ts',
      'export default async () => {\n  const a: number = ;\n};',
      'SyntaxError: Expression expected (/broken.ts:2)',
    ],
    ['broken.mjs', 'export default async () => {\n  const a = ;\n};', "SyntaxError: Unexpected token ';'"],
    [
      'enum.ts',
      'enum A { B }\nexport default async () => A.B;',
      'SyntaxError: TypeScript enum is not supported in strip-only mode (/enum.ts:1)',
    ],
    [
      'needs.mjs',
      "import 'no-such-package';\nexport default async () => {};",
      "Error: Cannot find package 'no-such-package' imported from /needs.mjs",
    ],
    ['throws.mjs', "throw 'no database';", 'no database'],
  ])('says in one line why %s cannot be loaded', async (name, source, why) => {
    const line = `InvalidInput: handler module /${name} cannot be loaded: ${why}. See what "node /${name}" prints.`;
    expect(await load(name, source)).toBe(line);
  });

  it('says of a program in another language which handlers run it', async () => {
    const said = await load('handler.py', "print('hello')");
    expect(said).toContain('Unknown file extension ".py"');
    expect(said).toContain('Programs in other languages run by spec.handler.http, lambda or exec.');
    expect(said).not.toContain('See what');
  });
});
