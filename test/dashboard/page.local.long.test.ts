import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dashboard } from '../../src/dashboard/server.ts';
import { startKcgDev } from '../dev/peers/kcg-dev.ts';
import { chromiumProblem, openChromium } from '../support/chromium.ts';
import { aScene, GROUPS, serveScene } from '../support/dashboard-scene.ts';
import { lastingPort } from '../support/lasting-port.ts';
import { npmPackage } from '../support/peer-programs.ts';

/* The page in a real browser. */

const problem = chromiumProblem();
if (problem) process.stderr.write(`skipped: the page of the dashboard: ${problem}\n`);

const MANY = 'media/views';
const SIZES = {
  phone: { width: 360, height: 740 },
  desk: { width: 1280, height: 900 },
  wall: { width: 2560, height: 1440 },
};

/** A machine that does many things at once takes its time. */
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 300_000 });

let browser: Browser;
let axe: string;
let scene: ReturnType<typeof aScene>;
let dashboard: Dashboard;

const serve = (port: number) => serveScene(scene, port);

beforeAll(async () => {
  if (problem) return;
  scene = aScene(
    GROUPS.filter(({ key }) => key !== MANY),
    { minutes: 40 },
  );
  // It goes away and comes back.
  dashboard = await serve(await lastingPort());
  browser = await openChromium();
  axe = readFileSync(join(await npmPackage('axe-core', '4.14.1'), 'axe.min.js'), 'utf8');
});
afterAll(async () => {
  await browser?.close();
  await dashboard?.close();
});

const origin = () => `http://127.0.0.1:${dashboard.port}`;

/** A page at `path`, with all that it has asked for and complained of. */
async function open(path: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: SIZES.desk, ...options });
  context.setDefaultTimeout(300_000);
  const page = await context.newPage();
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(origin() + path);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, asked, complaints, close: () => context.close() };
}

interface Found {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** Of all rules of axe, or of these. */
async function violationsOf(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(axe);
  const options = { resultTypes: ['violations'], ...(rules ? { runOnly: rules } : {}) };
  const { violations } = await page.evaluate<Found>(`axe.run(document, ${JSON.stringify(options)})`);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
}

const shardOf = (url: string) => new URL(url).searchParams.get('shard');

describe.skipIf(problem !== undefined)('the page in a browser', () => {
  it('leads from the list to a group and a shard and back, each at an address of its own', async () => {
    const { page, complaints, close } = await open('/');
    await eventually(() => page.title()).toBe('kcg');
    await page.getByRole('link', { name: 'shop/orders' }).click();
    await eventually(() => page.title()).toContain('HandlerFailing · shop/orders');
    await page.getByRole('link', { name: 'shardId-000000000003' }).first().click();
    await page.getByRole('region', { name: 'Shard shardId-000000000003' }).waitFor();
    expect(page.url()).toBe(`${origin()}/groups/shop/orders?shard=shardId-000000000003`);
    const copied = await open(page.url().replace(origin(), ''));
    await copied.page.getByRole('region', { name: 'Shard shardId-000000000003' }).waitFor();
    await copied.close();
    await page.goBack();
    await eventually(() => shardOf(page.url())).toBeNull();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Consumer groups' }).waitFor();
    await page.goForward();
    await page.getByRole('heading', { level: 1, name: 'shop/orders' }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it('says what is wrong first, and what to do', async () => {
    const { page, close } = await open('/');
    const row = page.getByRole('row', { name: /shop\/orders/ });
    await eventually(() => row.innerText()).toMatch(/HandlerFailing.*12\/12.*5\/6.*2\dm.*TypeError/s);
    await page.goto(`${origin()}/groups/shop/orders`);
    const said = page.getByRole('listitem').filter({ hasText: 'ShardsStalled' });
    await eventually(() => said.innerText()).toContain('→ ');
    await page.goto(`${origin()}/groups/logistics/tracking`);
    await page.getByText('rows not known').waitFor();
    // Nobody knows of none.
    for (const name of ['Shards', 'Workers'])
      await page.getByRole('heading', { level: 2, name, exact: true }).waitFor();
    expect(await page.getByText('Not known: its rows have not been read.').count()).toBe(2);
    await page.goto(`${origin()}/groups/shop/nothing`);
    await page.getByText('There is no such group').waitFor();
    await close();
  });

  it('asks nobody else for anything, and its policy would not let it', async () => {
    const { page, asked, complaints, close } = await open('/');
    for (const path of [
      '/groups/shop/orders?shard=shardId-000000000001',
      '/groups/shop/clicks',
      '/groups/media/likes',
    ]) {
      await page.goto(origin() + path);
      await page.getByRole('heading', { level: 2, name: /shard/ }).waitFor();
    }
    await eventually(() => asked.some((url) => url.includes('/api/groups/shop/orders/shards/'))).toBe(true);
    expect(asked.filter((url) => new URL(url).origin !== origin())).toEqual([]);
    expect(complaints).toEqual([]);
    const blocked = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
      document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.2:1/outside.png' }));
    })`);
    expect(blocked).toBe('img-src');
    await close();
  });

  // oxfmt-ignore
  it.each([
    ['/', 'phone'],
    ['/groups/shop/orders?shard=shardId-000000000001', 'desk'],
    ['/groups/shop/orders', 'phone'],
    ['/groups/logistics/tracking', 'wall'],
  ] as const)('%s on a %s: axe finds nothing, light or dark, and neither the page nor a table in it is scrolled sideways', async (path, size) => {
    const { page, close } = await open(path, { viewport: SIZES[size], colorScheme: 'light' });
    await page.getByText('Live', { exact: true }).waitFor();
    if (path.includes('shard=')) await page.locator('details summary').first().click();
    expect(await violationsOf(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violationsOf(page, ['color-contrast'])).toEqual([]);
    const wider = await page.evaluate(`[document.documentElement, ...document.querySelectorAll('.table-box')]
      .filter((box) => box.scrollWidth > box.clientWidth)
      .map((box) => box.getAttribute('aria-label') ?? box.tagName)`);
    expect(wider).toEqual([]);
    await close();
  });

  it('is reached whole by the keyboard, and shows where one is', async () => {
    const { page, close } = await open('/groups/shop/orders?shard=shardId-000000000001');
    await page.locator('.charts .plot').nth(3).waitFor();
    const all = await page.evaluate<number>(`(() => {
      const reachable = document.querySelectorAll('a[href], button:not(:disabled), input, summary, [tabindex="0"]');
      for (const [index, element] of reachable.entries()) element.dataset.stop = String(index);
      return reachable.length;
    })()`);
    const reached = new Set<string>();
    const unseen: string[] = [];
    for (let presses = 0; presses < all + 5; presses += 1) {
      await page.keyboard.press('Tab');
      const { stop, outline, html } = await page.evaluate<
        Record<'stop' | 'outline' | 'html', string>
      >(`(() => {
        const { dataset, outerHTML } = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        return { stop: dataset.stop ?? '', outline: outlineStyle + ' ' + outlineWidth, html: outerHTML.slice(0, 80) };
      })()`);
      if (stop === '') continue;
      reached.add(stop);
      if (outline.startsWith('none') || outline.endsWith(' 0px')) unseen.push(html);
    }
    expect(unseen).toEqual([]);
    expect(reached.size).toBe(all);
    await close();
  });

  it('goes through the picture by arrow keys, from shard to shard and down to children, and tells each', async () => {
    const { page, close } = await open('/groups/shop/orders');
    const picture = page.getByRole('slider', { name: /Shards by hash key/ });
    await picture.focus();
    const chosen = async (key: string) => {
      const before = await picture.getAttribute('aria-valuetext');
      await page.keyboard.press(key);
      await eventually(() => picture.getAttribute('aria-valuetext')).not.toBe(before);
      return shardOf(page.url());
    };
    expect(await chosen('Home')).toBe('shardId-000000000000');
    expect(await chosen('ArrowRight')).toBe('shardId-000000000001');
    expect(await picture.getAttribute('aria-valuetext')).toMatch(/Stalled.*lag 2\dm/);
    expect(await chosen('ArrowRight')).toBe('shardId-000000000002');
    expect(await chosen('ArrowDown')).toBe('shardId-000000000012');
    expect(await chosen('ArrowUp')).toBe('shardId-000000000002');
    expect(await chosen('End')).toBe('shardId-000000000011');
    expect(await chosen('Escape')).toBeNull();
    // And by a link in the table, which leads to what is told of it; to close that leads back to the picture.
    await page
      .getByRole('row', { name: /shardId-000000000011/ })
      .getByRole('link')
      .press('Enter');
    const top = () => page.evaluate<number>(`document.querySelector('.panel').getBoundingClientRect().top`);
    await eventually(top).toBeGreaterThan(-1);
    await page.getByRole('link', { name: 'Close' }).press('Enter');
    const isBack = () => page.evaluate(`document.activeElement.getAttribute('role') === 'slider'`);
    await eventually(isBack).toBe(true);
    await close();
  });

  it('shows a shard that is pointed at in the picture', async () => {
    const { page, close } = await open('/groups/media/likes');
    await page.locator('.picture-box').click({ position: { x: 40, y: 30 } });
    await eventually(() => shardOf(page.url())).toBe('shardId-000000000000');
    await close();
  });

  it('draws the picture anew when the colours change, as on paper, which is light', async () => {
    const { page, close } = await open('/groups/media/likes', { colorScheme: 'light' });
    const colour = () =>
      page.evaluate(`(() => {
        const canvas = document.querySelector('.picture canvas');
        return canvas.getContext('2d').getImageData(canvas.width / 2, 40, 1, 1).data.slice(0, 3).join();
      })()`);
    await eventually(colour).toBe('47,110,176');
    await page.emulateMedia({ colorScheme: 'dark' });
    await eventually(colour).toBe('56,115,179');
    await page.emulateMedia({ media: 'print' });
    await eventually(colour).toBe('47,110,176');
    await close();
  });

  it('sorts and finds, and keeps that in its address', async () => {
    const { page, close } = await open('/groups/shop/clicks');
    const first = page.getByRole('group', { name: 'Shards', exact: true }).locator('tbody tr').first();
    await page.getByRole('button', { name: 'Load' }).click();
    await eventually(() => first.innerText()).toMatch(/\s2\d\d\/s/);
    await eventually(() => page.url()).toContain('sort=load');
    await page.getByRole('searchbox').fill('000042');
    await eventually(() => first.innerText()).toContain('shardId-000000000042');
    await page.getByText('1 of 63 found').waitFor();
    await page.reload();
    await eventually(() => first.innerText()).toContain('shardId-000000000042');
    await close();
  });

  it('is live, says when it is not and since when, and goes on when it is again', async () => {
    const { page, close } = await open('/');
    await page.getByRole('link', { name: 'shop/payments' }).click();
    await page.getByRole('heading', { level: 1, name: 'shop/payments' }).waitFor();
    const status = page.getByRole('status');
    await eventually(() => status.innerText()).toBe('Live');
    const { port } = dashboard;
    await dashboard.close();
    await eventually(() => status.innerText()).toMatch(/^Not connected since \d\d:\d\d:\d\d$/);
    await eventually(() => page.title()).toBe('Not connected · shop/payments – kcg');
    expect(await violationsOf(page)).toEqual([]);
    // What was known stays, also of the page before, and says how old it is; of others nothing is known.
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Consumer groups' }).waitFor();
    await page.getByText(/What is shown is \d+\w+ old\. Trying again\./).waitFor();
    await page.getByRole('link', { name: 'media/likes' }).click();
    await page.getByText('The operator does not answer.').waitFor();
    expect(await page.getByText('What is shown is').count()).toBe(0);
    await page.goBack();
    await page.getByRole('link', { name: 'shop/payments' }).click();
    await page.getByRole('heading', { level: 1, name: 'shop/payments' }).waitFor();
    scene.board.role = { leads: false, leader: 'kcg-5f-b' };
    dashboard = await serve(port);
    await eventually(() => status.innerText()).toBe('Live');
    await page.getByText('kcg-5f-b leads').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    scene.board.role = { leads: true };
    scene.next();
    await page.locator('.banner').waitFor({ state: 'detached' });
    await close();
  });

  it('draws a thousand shards where they are seen', async () => {
    const only = GROUPS.filter(({ key }) => key === MANY);
    const many = await serveScene(aScene(only, { minutes: 2 }));
    const { page, close } = await open('/');
    await page.goto(`http://127.0.0.1:${many.port}/groups/${MANY}`);
    const shards = page.getByRole('group', { name: 'Shards', exact: true });
    const rows = shards.locator('tbody tr[aria-rowindex]');
    await rows.first().waitFor();
    expect(await rows.count()).toBeLessThan(100);
    expect(await shards.locator('table').getAttribute('aria-rowcount')).toBe('1251');
    await shards.evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await eventually(() => rows.last().getAttribute('aria-rowindex')).toBe('1251');
    expect(await violationsOf(page)).toEqual([]);
    // A row that is chosen elsewhere comes into sight.
    await page.goto(`http://127.0.0.1:${many.port}/groups/${MANY}?shard=shardId-000000000500`);
    await eventually(() => shards.locator('tr.selected').isVisible()).toBe(true);
    await close();
    await many.close();
  });
});

describe.skipIf(problem !== undefined)('the page of kcg dev', () => {
  it('is where it says, shows the group as it reads, and is not there when it is not wanted', async () => {
    const { program } = await startKcgDev([]);
    const [, url = ''] = await program.says(/dashboard +(http:\S+)/);
    const page = await browser.newPage();
    page.setDefaultTimeout(300_000);
    await page.goto(url);
    await page.getByRole('link', { name: 'shop/orders' }).click();
    await page.getByText('2 of 2 owned').waitFor();
    await page.getByRole('rowheader', { name: 'Available' }).first().waitFor();
    await program.stop();
    await eventually(() => page.getByRole('status').innerText()).toContain('Not connected since');
    await page.close();
    const without = await startKcgDev(['--no-dashboard']);
    expect(without.program.text()).not.toContain('dashboard  ');
    await without.program.stop();
  });
});
