import { expect, test } from 'vitest';
import { anyFailed, printChecks, type Check } from '../../src/cli/checks.ts';
import { plain } from '../../src/lib/paint.ts';

const CHECKS: Check[] = [
  { result: 'ok', what: 'spec', found: 'valid' },
  { result: 'failed', what: 'stream', found: 'there is\nno stream', next: 'Make one.' },
  { result: 'unknown', what: 'roles', found: 'cannot be tried' },
];

test('checks are a list with what to do, and a sum', () => {
  expect(printChecks('shop/orders', CHECKS, plain)).toBe(
    [
      'shop/orders',
      '  ok       spec    valid',
      '  failed   stream  there is no stream',
      '                   → Make one.',
      '  unknown  roles   cannot be tried',
      '',
      '1 failed, 1 not known',
    ].join('\n'),
  );
  expect(anyFailed(CHECKS)).toBe(true);
  expect(anyFailed(CHECKS.slice(2))).toBe(false);
});
