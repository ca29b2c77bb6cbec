import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Imports go only to the right; siblings in one row never import one another. */
const ROWS: string[][] = [
  ['main'],
  ['dev'],
  ['cli', 'dashboard', 'operator', 'runtime', 'import'],
  ['view'],
  ['leases', 'table', 'kubernetes'],
  ['kinesis'],
  ['api', 'aws', 'telemetry'],
  ['filter'],
  ['lib'],
];
const VENDOR =
  /^(@aws-sdk\/|@smithy\/|@kubernetes\/|@redis\/|@opentelemetry\/|dynalite|abstract-level|undici)/;
/** Vendor SDKs are imported only in folders named for the vendor, and where clients are built. */
const VENDOR_FOLDERS = ['aws', 'dynamodb', 'kube', 'sqs', 'sns', 's3', 'redis', 'opentelemetry'];

const root = join(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));

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

  it('is told with every folder, and a file to begin with', () => {
    const page = readFileSync(join(root, '../CONTRIBUTING.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `(\w+)\/` .*\(src\/(.+?)\) \|$/gm)];
    expect(new Set(listed.map(([, folder]) => folder))).toEqual(new Set(ROWS.flat()));
    for (const [, , file] of listed) expect(files).toContain(file);
  });

  it.each(files)('%s imports only to its right, and vendor SDKs only where they are allowed', (file) => {
    const folder = file.split('/')[0]!;
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('.')) {
        const target = relative(root, join(root, dirname(file), specifier)).split('/')[0]!;
        const allowed = target === folder || rowOf(target) > rowOf(folder);
        expect(allowed, `${file} imports ${specifier}`).toBe(true);
      } else if (VENDOR.test(specifier)) {
        const folders = file.split('/').slice(0, -1);
        const allowed = folder === 'main' || folders.some((name) => VENDOR_FOLDERS.includes(name));
        expect(allowed, `${file} imports ${specifier}`).toBe(true);
      }
    }
  });
});

describe('files', () => {
  it('never import one another in a circle', () => {
    const left = new Map(
      files.map((file) => {
        const own = importsOf(file).filter((specifier) => specifier.startsWith('.'));
        return [file, own.map((specifier) => join(dirname(file), specifier))];
      }),
    );
    // Who imports nothing that is left is in no circle.
    for (let before = -1; before !== left.size;) {
      before = left.size;
      for (const [file, imports] of left) if (!imports.some((target) => left.has(target))) left.delete(file);
    }
    expect([...left.keys()]).toEqual([]);
  });
});

describe('AWS clients', () => {
  const source = (file: string) => readFileSync(join(root, file), 'utf8');

  it('go by one request handler for each HTTP: the way out, and the host in errors', () => {
    const importing = files.filter((file) => importsOf(file).includes('@smithy/node-http-handler'));
    expect(importing).toEqual(['aws/http2-handler.ts', 'aws/request-handler.ts']);
  });

  it('are built from one configuration, with the credentials that are there now', () => {
    const building = files.filter((file) => {
      const names = /import \{([^}]*)\} from '@aws-sdk\/client-/s.exec(source(file))?.[1] ?? '';
      return (names.match(/\w+Client\b/g) ?? []).some((name) => source(file).includes(`new ${name}(`));
    });
    expect(building.toSorted()).toEqual([
      'aws/assumed-role.ts',
      'aws/dynamodb-client.ts',
      'kinesis/aws/stream-client.ts',
      'kinesis/aws/stream-consumers.ts',
      'kinesis/aws/stream-writer.ts',
      'runtime/failure/s3/bucket.ts',
      'runtime/failure/sns/destination.ts',
      'runtime/failure/sqs/queue.ts',
    ]);
    for (const file of building) expect(source(file), file).toContain('awsClientConfig(');
  });
});
