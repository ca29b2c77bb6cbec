import { afterAll, describe, expect, test } from 'vitest';
import { crashPoints, differences, freezes, undisturbed } from './crash-points.ts';
import { SCENES } from './scenes.ts';

/*
 * The operator is killed before and after each of its writes to AWS and to Kubernetes, one run a crash point. Its successor ends
 * with the same objects, tables, rows and stream consumers as an operator that was never killed, each of them made as often.
 */
describe('wherever its operator is killed, a group ends as if it had not been, when it', () => {
  let writes = 0;
  let points = 0;

  test.each(SCENES)('$name', { timeout: 300_000 }, async (scene) => {
    const plain = await undisturbed(scene);
    const found: string[] = [];
    for (const point of crashPoints(plain)) {
      found.push(...(await differences(scene, point, plain)));
      points += 1;
      writes += point.how === 'after' ? 1 : 0;
    }
    expect(found).toEqual([]);
  });

  test.each(SCENES)(
    '$name, also when it is frozen until another leads, and wakes',
    { timeout: 300_000 },
    async (scene) => {
      const plain = await undisturbed(scene);
      const found: string[] = [];
      for (const point of freezes(plain)) found.push(...(await differences(scene, point, plain)));
      expect(found).toEqual([]);
    },
  );

  afterAll(() => console.log(`killed at ${points} points, around ${writes} writes`));
});
