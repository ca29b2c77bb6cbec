import type { Browser, Page } from 'playwright-core';
import { chromiumProblem, openChromium } from '../test/support/chromium.ts';
import { aScene, serveScene, STATUSES, type SceneGroup } from '../test/support/dashboard-scene.ts';
import { spread } from './figures.ts';
import { mainThreadOf, PARTS, TRACED, type MainThread } from './main-thread.ts';

/*
 * Whether the page of a group stays smooth while it is scrolled by a wheel and a new look at all shards arrives each second.
 * Baseline: a page of text that nothing changes, scrolled the same way, in the same run.
 *
 * How many frames come late depends on what else the machine does, and without a graphics card Chromium paints by the processor.
 * What the page itself asks of the browser depends on that far less: the processor time of its main thread, by what it is for, and
 * the longest turn of its loop, which delays whatever comes meanwhile. One that takes longer than a frame is felt on any machine.
 */

/** At 60 Hz. */
const FRAME_MS = 1000 / 60;
/** A frame that comes later than this has missed one: it is over the budget. */
const BUDGET_MS = 1.5 * FRAME_MS;
const SECONDS = 5;
/** CSS pixels a second. */
const SPEED = 1_800;
const SHARDS = [1, 50, 1_000] as const;
/** A tall page of nothing but text. */
const BASELINE = `<body style="margin:0;font:14px sans-serif">${'<p>shardId-000000000000 consuming OK 0s</p>'.repeat(400)}`;

interface Scrolled extends MainThread {
  /** Between frames, ms of wall clock. */
  gaps: number[];
  seconds: number;
}

export async function dashboard(runs: number, print: (line: string) => void): Promise<void> {
  const problem = chromiumProblem();
  if (problem !== undefined) return print(problem);
  const browser = await openChromium();
  print(`scrolled for ${SECONDS} s, a look each second; ms of the main thread's own time`);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const measure = async (name: string, what: string) => {
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
    ...PARTS.map((part): (typeof figures)[number] => [
      part,
      'ms/s',
      ({ parts, seconds }) => parts[part] / seconds,
    ]),
    [
      'in all',
      'ms/s',
      ({ parts, seconds }) => Object.values(parts).reduce((sum, ms) => sum + ms, 0) / seconds,
    ],
    ['longest turn of its loop', 'ms', ({ turns }) => Math.max(...turns)],
    [`turns above ${FRAME_MS.toFixed(1)} ms`, '/s', ({ turns, seconds }) => above(turns, FRAME_MS) / seconds],
    [
      `frames later than ${BUDGET_MS.toFixed(0)} ms`,
      '%',
      ({ gaps }) => (100 * above(gaps, BUDGET_MS)) / gaps.length,
    ],
  ];
  print(`  ${name}`);
  for (const [what, unit, of] of figures) print(`    ${what.padEnd(26)} ${spread(all.map(of), unit, 1)}`);
}

function above(values: readonly number[], limit: number): number {
  return values.filter((value) => value > limit).length;
}

/** As a wheel does, at the pointer: down and up again the window, at its edge, or only down the box of that selector. */
async function scroll({
  browser,
  page,
  what,
}: {
  browser: Browser;
  page: Page;
  what: string;
}): Promise<Scrolled> {
  const session = await page.context().newCDPSession(page);
  const at = await placeOf(page, what);
  await browser.startTracing(page, { categories: TRACED });
  await page.evaluate(`{
    const gaps = (window.gaps = []);
    let last = performance.now();
    const frame = (now) => {
      gaps.push(now - last);
      last = now;
      if (window.gaps === gaps) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }`);
  const began = performance.now();
  for (let way = -1; performance.now() - began < SECONDS * 1_000; way = -way) {
    await session.send('Input.synthesizeScrollGesture', {
      x: at.x,
      y: at.y,
      yDistance: way * Math.min(at.height, SECONDS * SPEED),
      speed: SPEED,
      preventFling: true,
      gestureSourceType: 'mouse',
    });
  }
  const seconds = (performance.now() - began) / 1_000;
  const gaps = await page.evaluate<number[]>(`[window.gaps, window.gaps = undefined][0].slice(1)`);
  const trace = await browser.stopTracing();
  await session.detach();
  return { ...mainThreadOf(trace.toString()), gaps, seconds };
}

/** Where the pointer is, and how far there is to scroll, CSS pixels. */
function placeOf(page: Page, what: string): Promise<{ x: number; y: number; height: number }> {
  return page.evaluate(`(() => {
    if (${JSON.stringify(what)} === 'window')
      return { x: 4, y: innerHeight / 2, height: document.scrollingElement.scrollHeight - innerHeight };
    const box = document.querySelector(${JSON.stringify(what)});
    box.scrollIntoView({ behavior: 'instant' });
    box.scrollTop = 0;
    const { left, top, width, height } = box.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2, height: box.scrollHeight - height };
  })()`);
}
