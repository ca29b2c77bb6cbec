import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { groupCrd } from '../../src/api/crd.ts';
import { CHART } from './render-chart.ts';

const page = readFileSync('docs/install.md', 'utf8');

interface Policy {
  Statement: { Action: string[]; Resource: string | string[] }[];
}
const policies = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as Policy);
const actionsOf = ({ Statement }: Policy) => Statement.flatMap(({ Action }) => Action).sort();

/** The actions of a file: every command of the SDK that it makes. */
function commandsIn(service: string, ...files: string[]): string[] {
  const text = files.map((file) => readFileSync(join('src', file), 'utf8')).join('\n');
  const names = [...text.matchAll(/new (\w+)Command\(/g)].map(([, name]) => `${service}:${name}`);
  expect(names.length).toBeGreaterThan(0);
  return [...new Set(names)];
}

const TABLES = commandsIn('dynamodb', 'table/dynamodb/table-admin.ts', 'table/dynamodb/table-description.ts');
const ROWS = commandsIn('dynamodb', 'leases/dynamodb/lease-table.ts');
const STREAM = commandsIn(
  'kinesis',
  'kinesis/aws/stream-client.ts',
  'kinesis/aws/get-records-call.ts',
  'kinesis/aws/subscribe.ts',
);
const CONSUMERS = commandsIn('kinesis', 'kinesis/aws/stream-consumers.ts');

test("the operator's policy is what it calls", () => {
  // Rows are put by workers alone, and records are read by them alone.
  const rows = ROWS.filter((action) => action !== 'dynamodb:PutItem');
  const looks = ['kinesis:DescribeStreamSummary', 'kinesis:ListShards'];
  expect(STREAM).toEqual(expect.arrayContaining(looks));
  expect(actionsOf(policies[0]!)).toEqual([...new Set([...looks, ...CONSUMERS, ...TABLES, ...rows])].sort());
});

test("the workers' policy is what they call", () => {
  expect(actionsOf(policies[1]!)).toEqual([...STREAM, ...ROWS].sort());
});

test('the policy of where given-up batches go is what workers call, a statement for each place', () => {
  const calls = (['sqs', 'sns', 's3'] as const).map((service) =>
    commandsIn(service, `runtime/failure/${service}/destination.ts`),
  );
  expect(policies[2]!.Statement.map(({ Action }) => Action)).toEqual(calls);
});

test('the policy for kcg redrive is what it calls', () => {
  const reads = ['kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator'];
  expect(STREAM).toEqual(expect.arrayContaining(reads));
  const queue = commandsIn('sqs', 'runtime/redrive/sqs/store.ts');
  // A right of another name.
  const bucket = commandsIn('s3', 'runtime/redrive/s3/store.ts').map((call) =>
    call === 's3:ListObjectsV2' ? 's3:ListBucket' : call,
  );
  expect(actionsOf(policies[3]!)).toEqual([...reads, ...queue, ...bucket].sort());
});

test('the policy of an import is what reading a source calls', () => {
  expect(actionsOf(policies[4]!)).toEqual(commandsIn('dynamodb', 'import/dynamodb/foreign-table.ts').sort());
  expect(policies).toHaveLength(5);
});

test('the table of values names each value and its default', () => {
  const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
  const lines = readme.split('\n').filter((line) => line.startsWith('| `'));
  const rows = lines.map((line) => {
    const [, names = '', fallback = ''] = line.split('|').map((cell) => cell.trim());
    return { names, fallback };
  });
  const given = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  /** Told as a whole. */
  const wholes = ['resources', 'podSecurityContext', 'securityContext', 'livenessProbe', 'readinessProbe'];
  const values = Object.fromEntries(Object.entries(given).filter(([name]) => !wholes.includes(name)));
  const isMap = (found: unknown): found is Record<string, unknown> =>
    typeof found === 'object' && found !== null && !Array.isArray(found) && Object.keys(found).length > 0;
  const leavesOf = (found: Record<string, unknown>, path = ''): [string, unknown][] =>
    Object.entries(found).flatMap(([name, each]): [string, unknown][] =>
      isMap(each) ? leavesOf(each, `${path}${name}.`) : [[`${path}${name}`, each]],
    );
  const leaves = leavesOf(values);
  const named = rows.flatMap(({ names }) => [...names.matchAll(/`(.*?)`/g)].map(([, name = '']) => name));
  expect(named.sort()).toEqual([...wholes, ...leaves.map(([name]) => name)].sort());
  for (const [name, value] of leaves) {
    const { fallback } = rows.find(({ names }) => names.includes(`\`${name}\``))!;
    // What is empty is told in words.
    const isEmpty = value === '' || JSON.stringify(value) === '[]' || JSON.stringify(value) === '{}';
    if (!isEmpty) expect(`${name} ${fallback}`).toBe(`${name} \`${String(value)}\``);
  }
});

test('fields of a group that the page names exist', () => {
  const [version] = groupCrd().spec.versions;
  const spec = JSON.stringify(version!.schema.openAPIV3Schema.properties!['spec']);
  for (const [, path = ''] of page.matchAll(/`(checkpoints\.[a-zA-Z.]+)/g)) {
    for (const name of path.split('.')) expect(spec, path).toContain(`"${name}":`);
  }
});
