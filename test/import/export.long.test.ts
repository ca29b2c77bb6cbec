import { expect, it } from 'vitest';
import { readOn } from './programs/read-on.ts';

it('async-kinesis 3.0.1 reads on from an export without loss or repeat', { timeout: 1_200_000 }, async () => {
  const { expected, read } = await readOn('async-kinesis');
  expect(read).toEqual(expected);
});
