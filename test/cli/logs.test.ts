import { describe, expect, test } from 'vitest';
import { byTime, isShown, logLine, printLogLine, type LogLine } from '../../src/cli/logs.ts';
import { parseDurationSeconds } from '../../src/lib/parse-duration.ts';

const ours = (time: string, level: string, shardId?: string) =>
  JSON.stringify({ level, time: `2026-11-23T12:00:${time}Z`, message: 'ShardStarted', shardId });
function linesOf(pod: string, ...texts: string[]): LogLine[] {
  const lines: LogLine[] = [];
  for (const text of texts) lines.push(logLine(pod, text, lines.at(-1)));
  return lines;
}

describe('the logs of all workers', () => {
  test('are one, by time; what a handler writes stays behind the line before it', () => {
    const a = linesOf('a', ours('01', 'info'), 'mine', ours('05', 'info'));
    const b = linesOf('b', ours('03', 'info'), '{not json');
    expect(byTime([...a, ...b]).map(({ pod, text }) => `${pod} ${text.slice(0, 5)}`)).toEqual([
      'a {"lev',
      'a mine',
      'b {"lev',
      'b {not ',
      'a {"lev',
    ]);
  });

  test('are kept to a level and to a shard; a handler’s lines have no level', () => {
    const [info, warn, mine] = linesOf(
      'a',
      ours('01', 'info', 'shardId-000000000012'),
      ours('02', 'warn'),
      'mine',
    );
    const shown = (line: LogLine | undefined, level: string, shard?: string) =>
      isShown(line!, { level, shard });
    expect([shown(info, 'info'), shown(info, 'warn'), shown(warn, 'warn'), shown(mine, 'error')]).toEqual([
      true,
      false,
      true,
      true,
    ]);
    const of12 = [shown(info, 'debug', '12'), shown(warn, 'debug', '12'), shown(mine, 'debug', '12')];
    expect(of12).toEqual([true, false, false]);
    const named = ['2', 'shard-12', 'shardId-000000000012'].map((shard) => shown(info, 'debug', shard));
    expect(named).toEqual([false, true, true]);
  });

  test('are readable, or as they are', () => {
    const [line] = linesOf('orders-worker-a', ours('01', 'info', 'shardId-1'));
    expect(printLogLine(line!, { output: undefined, colour: false })).toBe(
      '12:00:01 orders-worker-a ShardStarted shardId-1',
    );
    expect(printLogLine(line!, { output: 'json', colour: false })).toBe(line!.text);
  });
});

test('times are written as kubectl takes them', () => {
  expect(['90s', '10m', '1h30m', '2d'].map((text) => parseDurationSeconds('--since', text))).toEqual([
    90, 600, 5_400, 172_800,
  ]);
  for (const wrong of ['', '10', 'm', '10 m', '-5s', '5x'])
    expect(() => parseDurationSeconds('--since', wrong)).toThrow('--since takes a time');
});
