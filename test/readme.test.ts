import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NOT_YET } from '../src/api/not-yet.ts';

const readme = readFileSync('README.md', 'utf8');

/** What the README calls the fields that the schema refuses, by how their paths begin. */
const NAMES: Record<string, string> = {
  'consumer.type': 'enhanced fan-out',
  'scaling.mode': 'scaling by lag',
  'handler.parallelizationFactor': 'parallel batches per shard',
  'handler.retry.maxAttempts': 'giving up on a batch',
  'handler.retry.maxRecordAgeSeconds': 'giving up on a batch',
  'handler.retry.bisectOnError': 'giving up on a batch',
  'handler.onFailure': 'failure destinations',
};

test('"Not there yet" of the README is what the schema refuses, and nothing else', () => {
  const [, list = ''] = /^- Not there yet: (.*?)\.\s+The\s+schema/ms.exec(readme) ?? [];
  const named = list === '' ? [] : list.replaceAll(/\s+/g, ' ').split(', ');
  const refused = NOT_YET.map(({ path }) => {
    const [, name] = Object.entries(NAMES).find(([prefix]) => path.startsWith(prefix)) ?? [];
    return name ?? path;
  });
  expect(named.toSorted()).toEqual([...new Set(refused)].toSorted());
});

test('the resource that the README begins with fits a screen', () => {
  const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(readme) ?? [];
  expect(yaml.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
});
