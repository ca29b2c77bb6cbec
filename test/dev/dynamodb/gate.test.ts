import { expect, it } from 'vitest';
import { Gate } from '../../../src/dev/dynamodb/gate.ts';

it('lets one that wants to be alone wait for those before it, and holds back those after it', async () => {
  const gate = new Gate();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const shared = (name: string, until: Promise<void> = Promise.resolve()) =>
    gate.shared(async () => {
      seen.push(`${name} begins`);
      await until;
      seen.push(`${name} ends`);
    });
  const alone = (name: string) =>
    gate.alone(async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      throw new Error(name);
    });
  const all = [shared('a', first.promise), alone('b'), alone('c'), shared('d'), shared('e')];
  await Promise.resolve();
  expect(seen).toEqual(['a begins']);
  first.resolve();
  const results = await Promise.allSettled(all);
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
  const alonePlaces = ['b', 'c'].map((name) => seen.indexOf(`${name} begins`));
  for (const place of alonePlaces) expect(seen[place + 1]).toBe(seen[place]!.replace('begins', 'ends'));
  expect(seen.slice(0, 4)).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});
