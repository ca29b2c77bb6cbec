import xterm from '@xterm/headless';

/** What a program wrote, when: the events of an asciicast. */
export type Output = readonly [seconds: number, text: string];

/** Text in one style, from a column on. */
export interface Run {
  column: number;
  text: string;
  /** Of the sixteen colours of a terminal, 0 to 15; undefined: its own. */
  colour?: number;
  isBold?: true;
  isDim?: true;
}

/** A line is its runs, from left to right; one without text has none. */
export interface Frame {
  /** Since the beginning. */
  atMs: number;
  lines: Run[][];
}

export interface Size {
  columns: number;
  rows: number;
}

/** What comes in pieces so close to one another nobody sees apart. */
const AT_ONCE_MS = 60;

/** The screen after each output, as a terminal would show it. */
export async function framesOf(outputs: readonly Output[], { columns, rows }: Size): Promise<Frame[]> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const frames: Frame[] = [];
  for (const [seconds, text] of outputs) {
    await new Promise<void>((resolve) => terminal.write(text, resolve));
    const atMs = Math.round(seconds * 1000);
    const frame = { atMs, lines: linesOf(terminal) };
    const before = frames.at(-1);
    if (before && atMs - before.atMs < AT_ONCE_MS) frames.splice(-1, 1, { ...frame, atMs: before.atMs });
    else frames.push(frame);
  }
  terminal.dispose();
  return frames;
}

function linesOf(terminal: InstanceType<typeof xterm.Terminal>): Run[][] {
  const { active } = terminal.buffer;
  const lines: Run[][] = [];
  for (let row = 0; row < terminal.rows; row += 1) {
    const line = active.getLine(active.baseY + row);
    const runs: Run[] = [];
    for (let column = 0; line !== undefined && column < terminal.cols; column += 1) {
      const cell = line.getCell(column);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const style: Omit<Run, 'column' | 'text'> = {
        ...(cell.isFgPalette() ? { colour: cell.getFgColor() } : {}),
        ...(cell.isBold() ? { isBold: true } : {}),
        ...(cell.isDim() ? { isDim: true } : {}),
      };
      const text = cell.getChars() || ' ';
      const last = runs.at(-1);
      if (last && sameStyle(last, style)) last.text += text;
      else runs.push({ column, text, ...style });
    }
    lines.push(runs.flatMap(words));
  }
  return lines;
}

function sameStyle(a: Omit<Run, 'column' | 'text'>, b: Omit<Run, 'column' | 'text'>): boolean {
  return a.colour === b.colour && a.isBold === b.isBold && a.isDim === b.isDim;
}

/** Parts with a column of their own where two spaces or more are between them: so columns stand below one another in any font. */
function words(run: Run): Run[] {
  return [...run.text.matchAll(/\S+(?: \S+)*/g)].map((match) => ({
    ...run,
    column: run.column + match.index,
    text: match[0],
  }));
}

export function textOf({ lines }: Pick<Frame, 'lines'>): string {
  const asText = (runs: readonly Run[]) =>
    runs.reduce((text, { column, text: more }) => text.padEnd(column) + more, '');
  return lines.map(asText).join('\n').trimEnd();
}

export interface Pace {
  /** Whatever is still on the screen then, longest, ms. */
  longestMs: number;
  /** Two frames that differ in no more than this are one. */
  ignored: RegExp;
}

/** Without what shows nothing new, and without the time in which nothing happens. */
export function shortened(frames: readonly Frame[], { longestMs, ignored }: Pace): Frame[] {
  const kept: Frame[] = [];
  let seen: string | undefined;
  let waitedMs = 0;
  for (const frame of frames) {
    const text = textOf(frame).replaceAll(ignored, '');
    if (text === seen) continue;
    seen = text;
    const before = kept.at(-1);
    const atMs = frame.atMs - waitedMs;
    waitedMs += Math.max(0, atMs - (before?.atMs ?? atMs) - longestMs);
    kept.push({ ...frame, atMs: frame.atMs - waitedMs });
  }
  return kept;
}
