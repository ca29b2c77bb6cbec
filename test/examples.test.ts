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

test.each(['README.md', ...globSync('docs/*.md')])(
  'the groups shown in %s are as the API takes them',
  (file) => {
    const blocks = readFileSync(file, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g);
    for (const [, yaml = ''] of blocks) {
      if (!yaml.includes('kind: KinesisConsumerGroup')) continue;
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as { kind: string };
        // An autoscaler names one, too.
        if (object.kind !== 'KinesisConsumerGroup') continue;
        expect(parseGroup(object)).toMatchObject({ outcome: 'ok' });
      }
    }
  },
);
