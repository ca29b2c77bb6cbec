import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { pageAssets, type Assets } from '../../src/dashboard/assets.ts';
import { chromiumProblem, openChromium } from '../support/chromium.ts';
import { aScene, GROUPS, serveScene } from '../support/dashboard-scene.ts';
import { lastingPort } from '../support/lasting-port.ts';

/* A page that is left open while kcg is upgraded, in a real browser. */

const problem = chromiumProblem();
if (problem) process.stderr.write(`skipped: the page of the dashboard over an upgrade: ${problem}\n`);

const MANY = 'media/views';
const FEW = 'media/likes';

/** A machine that does many things at once takes its time. */
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 300_000 });

let browser: Browser;
beforeAll(async () => {
  if (!problem) browser = await openChromium();
});
afterAll(() => browser?.close());

const built = pageAssets();

/** The page as another version of kcg has it; it marks itself as that. */
function pageOf(version: () => string): Assets {
  return {
    async find(path) {
      const asset = await built.find(path);
      if (!asset) return undefined;
      const own = (await built.find('/version'))!.body.toString();
      const now = version();
      const mark =
        path === '/page.js' ? `;document.documentElement.dataset.page = ${JSON.stringify(now)}` : '';
      const body = Buffer.from(asset.body.toString().replaceAll(own, now) + mark);
      return { ...asset, body, etag: `"${path} ${now}"` };
    },
  };
}

/** Somebody who has that page open, and a server that can be another from one moment to the next. */
async function openedAt(path: string, key: string, version = () => 'one') {
  const scene = aScene(
    GROUPS.filter((group) => group.key === key),
    { minutes: 2 },
  );
  const port = await lastingPort();
  let server = await serveScene(scene, port, pageOf(version));
  const context = await browser.newContext({ viewport: { width: 1280, height: 600 } });
  onTestFinished(async () => {
    await context.close();
    await server.close();
  });
  context.setDefaultTimeout(300_000);
  const page = await context.newPage();
  let loads = 0;
  page.on('domcontentloaded', () => (loads += 1));
  await page.goto(`http://127.0.0.1:${port}${path}`);
  const isLive = () => page.getByText('Live', { exact: true }).waitFor();
  await isLive();
  return {
    page,
    isLive,
    loads: () => loads,
    version: () => page.evaluate<string>('document.documentElement.dataset.page'),
    upgrade: async (to: string) => {
      await server.close();
      await page.getByText('Not connected since').waitFor();
      server = await serveScene(
        scene,
        port,
        pageOf(() => to),
      );
    },
  };
}

const told = (page: Page) => page.getByText('kcg answers in another version than this page is of');

describe.skipIf(problem !== undefined)('a page that is left open over an upgrade', () => {
  it('loads itself anew once, and leads back to where one was: group, order, zoom, scrolled boxes, what is open and the focus', async () => {
    const { page, isLive, loads, version, upgrade } = await openedAt(`/groups/${MANY}?sort=owner`, MANY);
    await page.locator('summary').first().click();
    await page.getByRole('button', { name: 'Show fewer shards, larger' }).click();
    await eventually(() => page.url()).toContain('keys=18.75-81.25');
    const shards = page.getByRole('group', { name: 'Shards', exact: true });
    await shards.evaluate((box) => {
      box.scrollIntoView({ behavior: 'instant' });
      box.scrollTop = 12_345;
    });
    await eventually(() => shards.locator('tr[aria-rowindex="366"] a').count()).toBe(1);
    const link = shards.locator('tr[aria-rowindex="366"] a');
    await link.focus();
    const place = () =>
      page.evaluate(`({
        address: location.pathname + location.search,
        focus: document.activeElement.closest('tr')?.getAttribute('aria-rowindex'),
        box: document.querySelector('.many').scrollTop,
        open: [...document.querySelectorAll('details')].map(({ open }) => open).join(),
      })`);
    const topOf = () => shards.evaluate((box) => box.getBoundingClientRect().top);
    const [before, top] = [await place(), await topOf()];
    expect(before).toMatchObject({ focus: '366', box: 12_345, open: 'true,false' });
    await upgrade('two');
    await eventually(version).toBe('two');
    await isLive();
    await eventually(place).toEqual(before);
    await eventually(async () => Math.abs((await topOf()) - top)).toBeLessThan(2);
    expect(loads()).toBe(2);
  });

  it('leads back to the field that one writes in, and to the place in it', async () => {
    const { page, isLive, version, upgrade } = await openedAt(`/groups/${FEW}`, FEW);
    const field = page.getByRole('searchbox');
    await field.fill('worker');
    await field.press('ArrowLeft');
    await field.press('ArrowLeft');
    await upgrade('two');
    await eventually(version).toBe('two');
    await isLive();
    await eventually(() => page.evaluate('document.activeElement.selectionStart')).toBe(4);
    await page.keyboard.press('x');
    expect(await field.inputValue()).toBe('workxer');
  });

  it('stays when the same version answers again', async () => {
    const { isLive, loads, upgrade } = await openedAt(`/groups/${FEW}`, FEW);
    await upgrade('one');
    await isLive();
    expect(loads()).toBe(1);
  });

  it('does not load itself again and again where two versions answer by turns: it says so, goes on, and does as it is told', async () => {
    const { page, isLive, loads, version, upgrade } = await openedAt('/', FEW);
    await upgrade('two');
    await eventually(version).toBe('two');
    await isLive();
    for (const other of ['one', 'three']) {
      await upgrade(other);
      await isLive();
      await told(page).waitFor();
    }
    expect([loads(), await version()]).toEqual([2, 'two']);
    await upgrade('two');
    await isLive();
    await told(page).waitFor({ state: 'detached' });
    await upgrade('one');
    await page.getByRole('button', { name: 'Load it anew' }).click();
    await eventually(version).toBe('one');
    await isLive();
    expect(await told(page).count()).toBe(0);
    expect(loads()).toBe(3);
  });

  it('stays where another answers from one moment to the next', async () => {
    let heard = 'one';
    const { page, isLive, loads, version } = await openedAt('/', FEW, () => heard);
    // Another connection: the watch hears of two, and what would be loaded is one, however often it is asked for.
    await page.route('**/version', (route) => route.fulfill({ body: 'one' }));
    heard = 'two';
    await page.getByRole('link', { name: FEW }).click();
    await page.getByRole('heading', { level: 1, name: FEW }).waitFor();
    await told(page).waitFor();
    await isLive();
    expect([loads(), await version()]).toEqual([1, 'one']);
  });
});
