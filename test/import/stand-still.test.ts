import { expect, test } from 'vitest';
import { StandStill } from '../../src/import/stand-still.ts';
import { aPosition, at, somePositions } from './foreign-builders.ts';

/** Both shards' movement as given; each is told to be `owner`'s. */
const look = (a: string, b: string, program = `${a}${b}`) => ({
  ...somePositions([
    { ...aPosition(0, at('1500')), movement: a, owner: 'w-0' },
    { ...aPosition(1, at('2000')), movement: b },
  ]),
  movement: program,
  expiryMs: 10_000,
});

test('what is seen the first time has moved just then, by one’s own clock', () => {
  const still = new StandStill();
  expect(still.observe(look('a', 'b'), 5_000)).toEqual({ stillMs: 0, isLive: false, moved: [] });
  expect(still.observe(look('a', 'b'), 14_999)).toMatchObject({ stillMs: 9_999, isLive: false });
  expect(still.observe(look('a', 'b'), 15_000)).toMatchObject({ stillMs: 10_000, isLive: false });
});

test('what moves is alive until it has stood still for its whole expiry, and the first mover is the one that is told', () => {
  const still = new StandStill();
  still.observe(look('a', 'b'), 0);
  expect(still.observe(look('c', 'b'), 9_000)).toMatchObject({ isLive: true, moved: [{ owner: 'w-0' }] });
  expect(still.observe(look('c', 'd'), 12_000)).toMatchObject({ isLive: true, moved: [{ owner: 'w-0' }] });
  expect(still.observe(look('c', 'd'), 21_999)).toMatchObject({ stillMs: 9_999, isLive: true });
  expect(still.observe(look('c', 'd'), 22_000)).toMatchObject({ stillMs: 10_000, isLive: false });
});

test('the program may move without any of its positions', () => {
  const still = new StandStill();
  still.observe(look('a', 'b', 'leader 1'), 0);
  expect(still.observe(look('a', 'b', 'leader 2'), 9_000)).toEqual({ stillMs: 0, isLive: true, moved: [] });
});
