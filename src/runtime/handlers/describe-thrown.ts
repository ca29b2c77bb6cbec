import { inspect } from 'node:util';
import { shown } from './shown.ts';

/**
 * One line, with the place in the author's own files: where it was thrown, or for a syntax error, whose stack begins with
 * it, where that is.
 */
export function describeThrown(thrown: unknown, folder = ''): string {
  if (typeof thrown === 'string') return shown(thrown);
  if (!(thrown instanceof Error)) return shown(inspect(thrown, { depth: 0, maxArrayLength: 0 }));
  const stack = thrown.stack ?? '';
  const [, syntax] = /^(?:file:\/\/)?(\/\S+:\d+)\n/.exec(stack) ?? [];
  const frames = [...stack.matchAll(/\n +at .*?(?:file:\/\/)?(\/[^\s()]+:\d+):\d+/g)].map(
    ([, frame]) => frame!,
  );
  const place = syntax ?? (folder && frames.find((frame) => frame.startsWith(folder)));
  return shown(`${thrown.name}: ${thrown.message}${place ? ` (${place})` : ''}`);
}
