import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Imports go only to the right; siblings in one row never import one another. */
const ROWS: string[][] = [
  ['main'],
  ['dev'],
  ['cli', 'dashboard', 'operator', 'runtime'],
  ['view'],
  ['leases', 'table', 'kubernetes'],
  ['kinesis'],
  ['api', 'aws'],
  ['lib'],
];
const VENDOR = /^(@aws-sdk\/|@smithy\/|@kubernetes\/|dynalite|undici)/;
const VENDOR_FILE = /^(aws|dynamodb|kube|local-dynamodb)-/;

const root = join(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern = /(?:from|import)\s*\(?\s*'([^']+)'/g;
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

const rowOf = (folder: string) => ROWS.findIndex((row) => row.includes(folder));

describe('the import rule', () => {
  it('knows every folder of src', () => {
    const folders = new Set(files.map((file) => file.split('/')[0]!));
    expect([...folders].filter((folder) => rowOf(folder) < 0)).toEqual([]);
  });

  it.each(files)('%s imports only to its right, and vendor SDKs only where they are allowed', (file) => {
    const folder = file.split('/')[0]!;
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) {
        const target = relative(root, join(root, dirname(file), specifier)).split('/')[0]!;
        const allowed = target === folder || rowOf(target) > rowOf(folder);
        expect(allowed, `${file} imports ${specifier}`).toBe(true);
      } else if (VENDOR.test(specifier)) {
        const name = file.split('/').at(-1)!;
        expect(folder === 'main' || VENDOR_FILE.test(name), `${file} imports ${specifier}`).toBe(true);
      }
    }
  });
});
