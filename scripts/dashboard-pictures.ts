/* Draws the pictures of the dashboard in docs/pictures/, by the page itself in a headless Chromium, of groups that are made up. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openChromium } from '../test/support/chromium.ts';
import { aScene, GROUPS, serveScene } from '../test/support/dashboard-scene.ts';

const FOLDER = join(import.meta.dirname, '../docs/pictures');
const SHOWN = 'shop/orders';
const SIZE = { width: 1200, height: 1000 };

const dashboard = await serveScene(aScene(GROUPS.filter(({ key }) => key === SHOWN)));
const browser = await openChromium();
await mkdir(FOLDER, { recursive: true });
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await browser.newPage({
    viewport: SIZE,
    colorScheme,
    deviceScaleFactor: 2,
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  await page.goto(`http://127.0.0.1:${dashboard.port}/groups/${SHOWN}`);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.locator('.picture canvas').waitFor();
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  const file = join(FOLDER, `dashboard-${colorScheme}.webp`);
  await writeFile(file, Buffer.from(data, 'base64'));
  process.stdout.write(`${file}: ${Math.round((data.length * 0.75) / 1024)} KiB\n`);
  await page.close();
}
await browser.close();
await dashboard.close();
