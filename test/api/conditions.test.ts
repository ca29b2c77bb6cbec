import { expect, test } from 'vitest';
import { CONDITIONS, kubernetesTime } from '../../src/api/conditions.ts';

test('times are those of Kubernetes', () => {
  expect(kubernetesTime(0)).toBe('1970-01-01T00:00:00Z');
});

test('reasons are CamelCase and each says what to do', () => {
  for (const { reasons } of Object.values(CONDITIONS)) {
    for (const [reason, text] of Object.entries(reasons)) {
      expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(text).toMatch(/^[A-Z].*\.$/);
    }
  }
});
