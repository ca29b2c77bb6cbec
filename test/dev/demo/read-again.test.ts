import { describe, expect, test } from 'vitest';
import { isReadAgain } from '../../../src/dev/demo/read-again.ts';

describe('a shard of a killed worker is read again', () => {
  test.each([
    ['by another pod', { pod: 'b', atMs: 5 }, undefined, true],
    ['by the same pod in its next life', { pod: 'a', atMs: 11 }, 10, true],
    ['not by what the last life had sent', { pod: 'a', atMs: 9 }, 10, false],
    ['not before there is a next life', { pod: 'a', atMs: 99 }, undefined, false],
    ['not without a record', undefined, 10, false],
  ])('%s', (_, latest, nextLifeMs, read) => {
    expect(isReadAgain(latest, { pod: 'a', nextLifeMs })).toBe(read);
  });
});
