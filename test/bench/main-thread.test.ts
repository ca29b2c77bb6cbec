import { expect, it } from 'vitest';
import { mainThreadOf } from '../../bench/main-thread.ts';

const MAIN = { pid: 7, tid: 1 };
const name = (tid: number, name: string) => ({ pid: 7, tid, ph: 'M', name: 'thread_name', args: { name } });
/** From, for so long, of which so long on a processor; µs. */
const event = (name: string, ts: number, dur: number, tdur: number) => ({
  ...MAIN,
  ph: 'X',
  name,
  ts,
  dur,
  tdur,
});

it("tells what a page's main thread did by its own processor time, by part and by turn of its loop", () => {
  const traceEvents = [
    name(1, 'CrRendererMain'),
    name(2, 'Compositor'),
    { ...event('RunTask', 0, 9_000, 9_000), tid: 2 },
    // A script that asks for a layout, and a frame.
    event('Layout', 200, 3_000, 2_000),
    event('FunctionCall', 100, 5_000, 5_000),
    event('RunTask', 0, 20_000, 8_000),
    event('UpdateLayoutTree', 41_000, 500, 500),
    event('Commit', 42_000, 500, 500),
    event('RunTask', 40_000, 5_000, 2_000),
  ];
  expect(mainThreadOf(JSON.stringify({ traceEvents }))).toEqual({
    parts: { script: 3, layout: 2, style: 0.5, paint: 0.5, other: 4 },
    turns: [8, 2],
  });
});
