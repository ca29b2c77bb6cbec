import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseGroup } from '../src/api/group.ts';

const files = [...globSync('examples/**/*.yaml')];

test('there are examples', () => {
  expect(files.length).toBeGreaterThan(1);
});

test.each(files)('%s is a group as the API takes it', (file) => {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
    const object = document.toJS() as { kind: string };
    if (object.kind !== 'KinesisConsumerGroup') continue;
    expect(parseGroup(object)).toMatchObject({ outcome: 'ok' });
  }
});
