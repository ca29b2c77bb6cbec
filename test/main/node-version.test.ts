import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeProblem, OLDEST_NODE } from '../../src/main/node-version.ts';

test('a Node that is too old is told of, in words that name both', () => {
  for (const version of ['22.21.0', '22.22.1', '24.0.0', '25.1.0'])
    expect(nodeProblem(version)).toBeUndefined();
  for (const version of ['20.20.2', '22.20.9', '18.0.0'])
    expect(nodeProblem(version)?.message).toBe(`kcg needs Node 22.21 or later, and this is ${version}`);
});

test('the package asks for the same', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});
