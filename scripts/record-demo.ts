/*
 * Records `npm run demo` in a terminal, and draws docs/pictures/demo.svg of it: node scripts/record-demo.ts
 * --cast FILE: keeps what was recorded there, as an asciicast; with --draw it draws what is there and records nothing.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/lib/clock.ts';
import { framesOf, shortened, type Output } from './recording/frames.ts';
import { animatedSvg } from './recording/svg.ts';

const root = join(import.meta.dirname, '..');
const FILE = join(root, 'docs/pictures/demo.svg');
const SIZE = { columns: 112, rows: 24 };
const COMMAND = 'npm run demo';
/** The age alone is no news. */
const PACE = { longestMs: 1_800, ignored: /\d+(s|m\d*s?)$/gm };

const { values } = parseArgs({ options: { cast: { type: 'string' }, draw: { type: 'boolean' } } });
if (values.draw && values.cast === undefined)
  throw new Error('--draw draws what --cast FILE has kept: name the file');
const outputs = values.draw ? readCast(await readFile(values.cast!, 'utf8')) : await record();
if (values.cast && !values.draw) await writeFile(values.cast, cast(outputs));
const frames = shortened(await framesOf(outputs, SIZE), PACE);
const svg = animatedSvg(frames, { title: `${COMMAND}, in a terminal`, columns: SIZE.columns, lastMs: 6_000 });
await mkdir(dirname(FILE), { recursive: true });
await writeFile(FILE, svg);
process.stdout.write(`${frames.length} frames, ${Math.ceil(svg.length / 1000)} kB in ${FILE}\n`);

/** `script` of util-linux gives it a terminal of its own. */
async function record(): Promise<Output[]> {
  const { columns, rows } = SIZE;
  const inside = `stty cols ${columns} rows ${rows}; exec ${COMMAND}`;
  const { NO_COLOR: _, ...env } = process.env;
  const startMs = systemClock.monotonic();
  const recorded: Output[] = [[0, `$ \u001b[1m${COMMAND}\u001b[22m\r\n`]];
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', inside, '/dev/null'], {
    cwd: root,
    // npm's own signs that it is at work would be the last of it.
    env: { ...env, TERM: 'xterm-256color', npm_config_progress: 'false' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    recorded.push([Math.round(systemClock.monotonic() - startMs) / 1000, text]);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${COMMAND} ended with code ${code}; nothing is drawn`);
  return recorded;
}

function cast(recorded: readonly Output[]): string {
  const head = { version: 2, width: SIZE.columns, height: SIZE.rows };
  return `${[head, ...recorded.map(([at, text]) => [at, 'o', text])].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

function readCast(text: string): Output[] {
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => {
    const [at, , data] = JSON.parse(line) as [number, string, string];
    return [at, data];
  });
}
