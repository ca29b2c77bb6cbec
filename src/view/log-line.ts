import { styleText } from 'node:util';

export interface LogLineOptions {
  /** Who wrote it: a pod's name, or `operator`. */
  source: string;
  colour: boolean;
}

type Style = Parameters<typeof styleText>[0];
type Fields = Record<string, unknown>;

const SOURCE_COLOURS: readonly Style[] = ['cyan', 'magenta', 'green', 'blue', 'yellow'];
const LEVEL_COLOURS: Readonly<Record<string, Style>> = { warn: 'yellow', error: 'red', debug: 'dim' };
/** Said elsewhere on the line. */
const KNOWN = new Set(['level', 'time', 'message', 'error', 'shardId', 'worker', 'component']);

/**
 * A line of one of our logs, JSON, as a person reads it: time (UTC), source, message, shard, the other fields, and the
 * error last. Any other line, say of a handler's `console.log`, stays as it is behind its source.
 */
export function readableLogLine(line: string, { source, colour }: LogLineOptions): string {
  const paint = (style: Style | undefined, text: string) =>
    colour && style !== undefined && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  const from = paint(SOURCE_COLOURS[sumOf(source) % SOURCE_COLOURS.length], source);
  const fields = parsed(line);
  if (fields === undefined) return `${from} ${line}`;
  const { level, time, message, error, shardId } = fields;
  const style = LEVEL_COLOURS[textOf(level)];
  const others = Object.entries(fields).filter(([name]) => !KNOWN.has(name));
  const parts = [
    paint('dim', textOf(time).slice(11, 19)),
    from,
    paint(style, textOf(message)),
    shardId === undefined ? '' : textOf(shardId),
    paint('dim', others.map(([name, value]) => `${name}=${textOf(value)}`).join(' ')),
    error === undefined ? '' : paint(style, textOf(error)),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function parsed(line: string): Fields | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const fields = JSON.parse(line) as Fields;
    return typeof fields['message'] === 'string' && typeof fields['time'] === 'string' ? fields : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function sumOf(text: string): number {
  return Buffer.from(text).reduce((sum, byte) => sum + byte, 0);
}
