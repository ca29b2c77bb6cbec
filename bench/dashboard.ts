import type { Page } from 'playwright-core';
import { chromiumProblem, openChromium } from '../test/support/chromium.ts';
import { aScene, serveScene, STATUSES, type SceneGroup } from '../test/support/dashboard-scene.ts';
import { spread } from './figures.ts';

/*
 * Whether the page of a group stays smooth: frames over the budget, and how busy the browser's main thread is, while the page is
 * scrolled from frame to frame and a new look at all shards arrives each second. Baseline: a page of text that nothing changes,
 * scrolled the same way. Without a graphics card Chromium paints by the processor, so frames are dearer here than on a desk.
 */

/** At 60 Hz. */
const FRAME_MS = 1000 / 60;
/** A frame that comes later than this has missed one: it is over the budget. */
const BUDGET_MS = 1.5 * FRAME_MS;
const SECONDS = 5;
const SHARDS = [1, 50, 1_000] as const;
/** A tall page of nothing but text. */
const BASELINE = `<body style="margin:0;font:14px sans-serif">${'<p>shardId-000000000000 consuming OK 0s</p>'.repeat(400)}`;

interface Figures {
  overPercent: number;
  slowestMs: number;
  /** Of the main thread. */
  busyPercent: number;
}

export async function dashboard(runs: number, print: (line: string) => void): Promise<void> {
  const problem = chromiumProblem();
  if (problem !== undefined) return print(problem);
  const browser = await openChromium();
  print(`scrolled for ${SECONDS} s, a look each second: frames over ${BUDGET_MS.toFixed(1)} ms, main thread`);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.setContent(BASELINE);
  tell('text that does not change', await repeat(runs, () => scroll(page, 'window')));
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
    tell(`${shards} shards, the page`, await repeat(runs, () => scroll(page, 'window')));
    if (shards > 120)
      tell(`${shards} shards, their table`, await repeat(runs, () => scroll(page, '.table-box.many')));
    clearInterval(timer);
    await page.goto('about:blank');
    await served.close();
  }
  await browser.close();

  function tell(name: string, all: readonly Figures[]): void {
    print(`  ${name}`);
    print(
      `    ${'frames over budget'.padEnd(20)} ${spread(
        all.map(({ overPercent }) => overPercent),
        '%',
        1,
      )}`,
    );
    print(
      `    ${'slowest frame'.padEnd(20)} ${spread(
        all.map(({ slowestMs }) => slowestMs),
        'ms',
        0,
      )}`,
    );
    print(
      `    ${'main thread busy'.padEnd(20)} ${spread(
        all.map(({ busyPercent }) => busyPercent),
        '%',
        0,
      )}`,
    );
  }
}

async function repeat(runs: number, once: () => Promise<Figures>): Promise<Figures[]> {
  const all: Figures[] = [];
  for (let run = 0; run < runs; run += 1) all.push(await once());
  return all;
}

/** Up and down again, a little each frame: `window`, or the box of that selector. */
async function scroll(page: Page, what: string): Promise<Figures> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const metric = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const before = await metric();
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
  const busy = (await metric()) - before;
  await session.detach();
  return {
    overPercent: (100 * gaps.filter((gap) => gap > BUDGET_MS).length) / gaps.length,
    slowestMs: Math.max(...gaps),
    busyPercent: (100 * busy) / SECONDS,
  };
}
