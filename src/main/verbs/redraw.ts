import { systemClock } from '../../lib/clock.ts';
import { describeError, isRetryable, KcgError } from '../../lib/errors.ts';

/** Between two pictures, ms. */
export const WATCH_MS = 2_000;
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export type Look = (signal: AbortSignal) => Promise<string>;

/** A read that fails for a while leaves the last picture, with the reason under it. */
export async function redraw(look: Look, stop: AbortSignal): Promise<void> {
  let picture = await look(stop);
  let trouble = '';
  process.stdout.write(`${HOME}${CLEAR_BELOW}`);
  while (!stop.aborted) {
    draw(trouble === '' ? picture : `${picture}\n\n${trouble}`);
    await systemClock.sleep(WATCH_MS, { signal: stop });
    if (stop.aborted) return;
    try {
      picture = await look(stop);
      trouble = '';
    } catch (thrown) {
      if (!isRetryable(KcgError.from(thrown))) throw thrown;
      trouble = `As it was: ${describeError(thrown)}`;
    }
  }
}

/** Over the last picture, so that nothing flickers; what does not fit on the screen is left out. */
function draw(text: string): void {
  const lines = text.split('\n');
  const room = Math.max(2, (process.stdout.rows || 24) - 1);
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
  process.stdout.write(`${HOME}${shown.map((line) => `${line}${CLEAR_LINE_END}\n`).join('')}${CLEAR_BELOW}`);
}
