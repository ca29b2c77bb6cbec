import { describe, expect, test } from 'vitest';
import { crashPoints, differences, freezes, undisturbed } from './crash-points.ts';
import { SCENES } from './scenes.ts';

/** Of all crash points, so that each run of the tests costs little; `crash-points.sim.long.test.ts` tries all. */
const SHARE = 11;

describe('a group whose operator is killed ends as if it had not been, when it', () => {
  test.each(SCENES)('$name', async (scene) => {
    const plain = await undisturbed(scene);
    const offset = SCENES.indexOf(scene);
    const points = [...crashPoints(plain), ...freezes(plain)].filter(
      (_, index) => (index + offset) % SHARE === 0,
    );
    for (const point of points) expect(await differences(scene, point, plain)).toEqual([]);
  });
});
