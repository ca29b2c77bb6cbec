import { expect, it } from 'vitest';
import { readOn } from './programs/read-on.ts';

it.each([
  ['async-kinesis 3.0.1', 'async-kinesis'],
  ['KCL 3.5.1', 'kcl-3'],
] as const)(
  '%s reads on from an export without loss or repeat, through splits',
  { timeout: 1_200_000 },
  async (_, name) => {
    const { expected, read } = await readOn(name);
    expect(read).toEqual(expected);
  },
);
