import { textOf, type Frame, type Run } from './frames.ts';

/*
 * Frames as one picture that moves by itself: below one another on a strip, which CSS moves past a window. Each different line
 * is in it once. Nothing is fetched and no script runs; who wants no motion sees the last frame.
 */

export interface PictureOptions {
  title: string;
  columns: number;
  /** How long the last frame stays before it begins anew, ms. */
  lastMs: number;
}

/** Of a monospaced font of 14 px; runs are stretched to it. */
const CELL = { width: 8.4, height: 20 };
const PADDING = 16;

/** The first eight colours of a terminal, as they can be read on a light and on a dark ground. */
const LIGHT = ['#1f2328', '#b3261e', '#116329', '#7d4e00', '#0550ae', '#7a3e9d', '#0b6470', '#57606a'];
const DARK = ['#e6edf3', '#ff7b72', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#76e3ea', '#9198a1'];

export function animatedSvg(frames: readonly Frame[], options: PictureOptions): string {
  const { title, columns, lastMs } = options;
  const rows = Math.max(...frames.map((frame) => textOf(frame).split('\n').length));
  const width = round(columns * CELL.width);
  const height = rows * CELL.height;
  const lines = new Map<string, string>();
  const strip = frames.map(({ lines: shown }, i) => {
    const uses = shown.slice(0, rows).map((runs, row) => {
      if (runs.length === 0) return '';
      const drawn = runs.map(drawnRun).join('');
      const id = lines.get(drawn) ?? `l${lines.size}`;
      lines.set(drawn, id);
      return `<use href="#${id}" y="${i * height + row * CELL.height}"/>`;
    });
    return uses.join('');
  });
  const whole = [width + 2 * PADDING, height + 2 * PADDING];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.join(' ')}" width="${whole[0]}" height="${whole[1]}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(textOf(frames.at(-1)!))}</desc>`,
    `<style>${style(frames, height, lastMs)}</style>`,
    `<defs>${[...lines].map(([drawn, id]) => `<g id="${id}">${drawn}</g>`).join('\n')}</defs>`,
    `<rect class="ground" x=".5" y=".5" width="${whole[0]! - 1}" height="${whole[1]! - 1}" rx="8"/>`,
    `<svg x="${PADDING}" y="${PADDING}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><g class="strip">`,
    ...strip,
    '</g></svg>',
    '</svg>',
  ].join('\n')}\n`;
}

function drawnRun({ column, text, colour, isBold, isDim }: Run): string {
  const classes = [
    ...(colour === undefined ? [] : [`c${colour % 8}`]),
    ...(isBold ? ['b'] : []),
    ...(isDim ? ['d'] : []),
  ].join(' ');
  const place = `x="${round(column * CELL.width)}" y="14" textLength="${round(text.length * CELL.width)}"`;
  return `<text ${place}${classes && ` class="${classes}"`}>${escaped(text)}</text>`;
}

function style(frames: readonly Frame[], height: number, lastMs: number): string {
  const last = frames.length - 1;
  const startMs = frames[0]!.atMs;
  const wholeMs = frames[last]!.atMs - startMs + lastMs;
  const steps = frames.map(
    ({ atMs }, i) => `${round(((atMs - startMs) / wholeMs) * 100)}%{transform:translateY(-${i * height}px)}`,
  );
  const colours = (of: readonly string[]) => of.map((colour, i) => `.c${i}{fill:${colour}}`).join('');
  return [
    `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace;fill:${LIGHT[0]};white-space:pre}`,
    `.ground{fill:#f6f8fa;stroke:#d1d9e0}.b{font-weight:700}.d{opacity:.75}`,
    colours(LIGHT),
    `@media(prefers-color-scheme:dark){text{fill:${DARK[0]}}.ground{fill:#0d1117;stroke:#3d444d}${colours(DARK)}}`,
    `.strip{transform:translateY(-${last * height}px);animation:play ${round(wholeMs / 1000)}s step-end infinite}`,
    `@keyframes play{${steps.join('')}100%{transform:translateY(-${last * height}px)}}`,
    '@media(prefers-reduced-motion:reduce){.strip{animation:none}}',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
