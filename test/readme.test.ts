import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const readme = readFileSync('README.md', 'utf8');

test('the resource that the README begins with fits a screen', () => {
  const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(readme) ?? [];
  expect(yaml.trimEnd().split('\n').length).toBeLessThanOrEqual(15);
});
