import type { CrashPoint, Written } from './doomed-process.ts';
import { endState } from './end-state.ts';
import type { Scene } from './scenes.ts';
import { Site } from './site.ts';

export interface Run {
  /** Of the first operator. */
  writes: readonly Written[];
  /** How many of them were made before the scene's own steps. */
  before: number;
  end: readonly string[];
  /** Writes of somebody who does not lead. */
  strangers: readonly string[];
  /** The crash point was reached. */
  isMet: boolean;
}

/** Virtual. Longer than a pass that finds nothing to do is away from the next. */
const QUIET_MS = 30_000;
const STEP_MS = 600_000;
/** Until a pod is replaced. */
const RESTART_MS = 2_000;

/** Plays a scene, with an operator that crashes at `point`, if any, and is followed by another; if it is frozen, until then. */
export async function runScene(scene: Scene, point?: CrashPoint): Promise<Run> {
  const site = new Site();
  try {
    site.kinesis.createStream({ name: 'orders', shardCount: 2 });
    await site.advance(5_000);
    const first = site.start('first', point);
    let before = 0;
    let isFollowed = false;
    for (const [index, step] of [...scene.before, ...scene.steps].entries()) {
      if (index === scene.before.length) before = first.writes.length;
      site.stir();
      step(site);
      await site.advance(STEP_MS, () => (first.isMet && !isFollowed) || site.quietMs() >= QUIET_MS);
      if (!first.isMet || isFollowed) continue;
      isFollowed = true;
      await site.advance(RESTART_MS);
      site.start('second');
      await site.advance(STEP_MS, () => site.leader === 'second');
      first.wake();
      site.stir();
      await site.advance(STEP_MS, () => site.quietMs() >= QUIET_MS);
    }
    const { writes, isMet } = first;
    return { writes, before, isMet, end: await endState(site), strangers: site.strangers };
  } finally {
    site.close();
  }
}
