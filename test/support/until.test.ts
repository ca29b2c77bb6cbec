import { expect, test } from 'vitest';
import { until } from './until.ts';

test('what is waited for is returned when it is there', async () => {
  const values = [undefined, false, ['a']] as const;
  let looks = 0;
  expect(await until('a list', () => values[looks++])).toEqual(['a']);
  expect(looks).toBe(3);
});

test('what never comes is told, with the state at the end', async () => {
  await expect(until('the moon', () => false, 0)).rejects.toThrow(/^it never came: the moon$/);
  const state = async () => ({ phase: 'new' });
  await expect(until('the moon', () => false, 0, state)).rejects.toThrow(
    'it never came: the moon: {\n "phase": "new"\n}',
  );
});
