import { systemClock } from '../../lib/clock.ts';
import { redraw, WATCH_MS, type Look } from './redraw.ts';

/**
 * Prints a look once, or with `watch` again and again until the end: over the last one on a terminal, one after another
 * elsewhere.
 */
export async function show(look: Look, watch: boolean, stop: AbortSignal): Promise<void> {
  if (watch && process.stdout.isTTY) return await redraw(look, stop);
  const first = await look(stop);
  if (first !== '') process.stdout.write(`${first}\n`);
  while (watch && !stop.aborted) {
    await systemClock.sleep(WATCH_MS, { signal: stop });
    if (!stop.aborted) process.stdout.write(`\n${await look(stop)}\n`);
  }
}
