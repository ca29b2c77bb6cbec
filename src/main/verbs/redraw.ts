import { systemClock } from '../../lib/clock.ts';
import { describeError, isRetryable, KcgError } from '../../lib/errors.ts';

/** Between two pictures, ms. */
export const WATCH_MS = 2_000;
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** The terminal itself cuts what is wider than it is. */
const CUT_LINES = '\u001b[?7l';
const WRAP_LINES = '\u001b[?7h';

export type Look = (signal: AbortSignal) => Promise<string>;

/** A read that fails for a while leaves the last picture, with the reason under it. */
export async function redraw(look: Look, stop: AbortSignal): Promise<void> {
  let picture = await look(stop);
  let trouble = '';
  process.stdout.write(`${HOME}${CLEAR_BELOW}`);
  while (!stop.aborted) {
    const text = trouble === '' ? picture : `${picture}\n\n${trouble}`;
    process.stdout.write(screenOf(text, process.stdout.rows || 24));
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

/** Over the last picture, so that nothing flickers; what does not fit on the screen of so many rows is left out. */
export function screenOf(text: string, rows: number): string {
  const lines = text.split('\n');
  const room = Math.max(2, rows - 1);
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
  const drawn = shown.map((line) => `${line}${CLEAR_LINE_END}\n`).join('');
  // A line that wraps takes the row of the next one, and the picture runs over the screen.
  return `${CUT_LINES}${HOME}${drawn}${CLEAR_BELOW}${WRAP_LINES}`;
}
