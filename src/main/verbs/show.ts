import { systemClock } from '../../lib/clock.ts';
import { redraw, WATCH_MS, type Look } from './redraw.ts';

/**
 * Prints a look once, or with `watch` again and again until the end: over the last one on a terminal, one after another
 * elsewhere.
 * @throws what `look` throws, unless it is a watch that was told to stop: so it ends
 */
export async function show(look: Look, watch: boolean, stop: AbortSignal): Promise<void> {
  try {
    if (watch && process.stdout.isTTY) return await redraw(look, stop);
    const first = await look(stop);
    if (first !== '') process.stdout.write(`${first}\n`);
    while (watch && !stop.aborted) {
      await systemClock.sleep(WATCH_MS, { signal: stop });
      if (!stop.aborted) process.stdout.write(`\n${await look(stop)}\n`);
    }
  } catch (thrown) {
    if (!watch || !stop.aborted) throw thrown;
  }
}
