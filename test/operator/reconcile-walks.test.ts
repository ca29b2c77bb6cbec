import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Harness } from './reconcile-harness.ts';
import { compared, isRead, thingsOf } from './walk-ends.ts';
import { afresh, harness, play, settleDown, writesAtRest } from './walk-play.ts';
import { readSpec, walks } from './walk-specs.ts';

/* More walks: KCG_SIM_SEEDS=<count>. Others: KCG_PROPERTY_SEED=<number>. */

const RUNS = Number(process.env['KCG_SIM_SEEDS'] ?? 30);

test('a group ends as a new one would, whatever became of it on the way, and then nothing is written', async () => {
  const property = fc.asyncProperty(walks, async (walk) => {
    const walked = harness();
    let fresh: Harness | undefined;
    try {
      const final = await play(walked, walk);
      const spec = readSpec(final);
      const startMs = walked.clock.monotonic();
      await settleDown(walked);
      fresh = harness(startMs);
      await afresh(fresh, final);
      const end = await thingsOf(walked);
      const about = { final: spec, walked: end };
      expect(compared(end, about)).toEqual(compared(await thingsOf(fresh), about));
      // The lag of a group that is not read is told as it grows.
      const writes = (await writesAtRest(walked)).filter(
        (write) => isRead(spec) || !write.startsWith('applyStatus KinesisConsumerGroup'),
      );
      expect(writes).toEqual([]);
    } finally {
      walked.close();
      fresh?.close();
    }
  });
  await fc.assert(property, { numRuns: RUNS });
});
