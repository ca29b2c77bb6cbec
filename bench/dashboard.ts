import type { Browser, Page } from 'playwright-core';
import { chromiumProblem, openChromium } from '../test/support/chromium.ts';
import { aScene, serveScene, STATUSES, type SceneGroup } from '../test/support/dashboard-scene.ts';
import { spread } from './figures.ts';
import { mainThreadOf, PARTS, TRACED, type MainThread } from './main-thread.ts';

/*
 * Whether the page of a group stays smooth while it is scrolled from frame to frame and a new look at all shards arrives each
 * second. Baseline: a page of text that nothing changes, scrolled the same way, in the same run.
 *
 * How many frames come late depends on what else the machine does, and without a graphics card Chromium paints by the processor.
 * What the page itself asks of the browser does not: the processor time of its main thread, which scripts, style, layout and
 * painting share, by second and by frame. A frame that takes more of it than 16.7 ms is late on any machine like this one.
 */

/** At 60 Hz. */
const FRAME_MS = 1000 / 60;
/** A frame that comes later than this has missed one: it is over the budget. */
const BUDGET_MS = 1.5 * FRAME_MS;
const SECONDS = 5;
const SHARDS = [1, 50, 1_000] as const;
/** A tall page of nothing but text. */
const BASELINE = `<body style="margin:0;font:14px sans-serif">${'<p>shardId-000000000000 consuming OK 0s</p>'.repeat(400)}`;

interface Scrolled extends MainThread {
  /** Between frames, ms of wall clock. */
  gaps: number[];
}

export async function dashboard(runs: number, print: (line: string) => void): Promise<void> {
  const problem = chromiumProblem();
  if (problem !== undefined) return print(problem);
  const browser = await openChromium();
  print(`scrolled for ${SECONDS} s, a look each second; ms of the main thread's own time`);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const measure = async (name: string, what: string) => {
    // What is below it has to be found anew whenever that has moved.
    await page.mouse.move(720, 450);
    const all: Scrolled[] = [];
    for (let run = 0; run < runs; run += 1) all.push(await scroll({ browser, page, what }));
    tell(name, all, print);
  };
  await page.setContent(BASELINE);
  await measure('text that does not change', 'window');
  for (const shards of SHARDS) {
    const group: SceneGroup = {
      key: 'media/views',
      shards,
      workers: Math.ceil(shards / 25),
      status: STATUSES.ready(`${shards}/${shards}`, '1/1'),
    };
    const scene = aScene([group], { minutes: 6 });
    const served = await serveScene(scene);
    await page.goto(`http://127.0.0.1:${served.port}/groups/media/views`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.locator('.picture canvas').waitFor();
    const timer = setInterval(() => scene.next(1_000), 1_000);
    await measure(`${shards} shards, the page`, 'window');
    if (shards > 120) await measure(`${shards} shards, their table`, '.table-box.many');
    clearInterval(timer);
    await page.goto('about:blank');
    await served.close();
  }
  await browser.close();
}

function tell(name: string, all: readonly Scrolled[], print: (line: string) => void): void {
  const figures: [name: string, unit: string, of: (run: Scrolled) => number][] = [
    ...PARTS.map((part): (typeof figures)[number] => [part, 'ms/s', ({ parts }) => parts[part] / SECONDS]),
    ['in all', 'ms/s', ({ parts }) => Object.values(parts).reduce((sum, ms) => sum + ms, 0) / SECONDS],
    ['a frame, median', 'ms', ({ frames }) => quantile(frames, 0.5)],
    ['a frame, p99', 'ms', ({ frames }) => quantile(frames, 0.99)],
    ['a frame, greatest', 'ms', ({ frames }) => Math.max(...frames)],
    [`frames above ${FRAME_MS.toFixed(1)} ms`, '%', ({ frames }) => percentAbove(frames, FRAME_MS)],
    [`by the clock, above ${BUDGET_MS.toFixed(0)} ms`, '%', ({ gaps }) => percentAbove(gaps, BUDGET_MS)],
  ];
  print(`  ${name}`);
  for (const [what, unit, of] of figures) print(`    ${what.padEnd(26)} ${spread(all.map(of), unit, 1)}`);
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN;
}

function percentAbove(values: readonly number[], limit: number): number {
  return (100 * values.filter((value) => value > limit).length) / values.length;
}

/** Up and down again, a little each frame: `window`, or the box of that selector. */
async function scroll({
  browser,
  page,
  what,
}: {
  browser: Browser;
  page: Page;
  what: string;
}): Promise<Scrolled> {
  await browser.startTracing(page, { categories: TRACED });
  const gaps = await page.evaluate<number[]>(`new Promise((resolve) => {
    const box = ${JSON.stringify(what)} === 'window' ? document.scrollingElement : document.querySelector(${JSON.stringify(what)});
    const gaps = [];
    const began = performance.now();
    let last = began;
    let by = 30;
    const frame = (now) => {
      gaps.push(now - last);
      last = now;
      const top = box.scrollTop;
      box.scrollTo({ top: top + by, behavior: 'instant' });
      if (box.scrollTop === top) by = -by;
      if (now - began > ${SECONDS * 1_000}) resolve(gaps.slice(1));
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })`);
  const trace = await browser.stopTracing();
  return { ...mainThreadOf(trace.toString()), gaps };
}
