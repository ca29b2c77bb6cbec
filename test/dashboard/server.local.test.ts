import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageAssets } from '../../src/dashboard/assets.ts';
import { Board } from '../../src/dashboard/board.ts';
import { startDashboard, tooFarBehind, type Dashboard } from '../../src/dashboard/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { anObject } from '../support/a-picture.ts';

let dashboard: Dashboard;
let board: Board;

beforeEach(async () => {
  board = new Board({ clock: systemClock, events: async () => [] });
  board.role = { leads: true };
  const object = anObject();
  board.follow({
    list: () => [object],
    get: ({ namespace, name }) => (namespace === 'shop' && name === 'orders' ? object : undefined),
  });
  const assets = pageAssets();
  dashboard = await startDashboard({
    board,
    assets,
    clock: systemClock,
    host: '127.0.0.1',
    port: 0,
    portOption: '--dashboard-port',
    names: ['Kcg.Example'],
  });
});
afterEach(() => dashboard.close());

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

function ask(path: string, { method = 'GET', ...headers }: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port: dashboard.port, host: '127.0.0.1', path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('the server of the dashboard', () => {
  it.each(['/', '/groups/shop/orders', '/groups/shop/orders?shard=a'])(
    'answers %s with the page',
    async (path) => {
      const { status, headers, body } = await ask(path);
      expect(status).toBe(200);
      expect(headers['content-type']).toContain('text/html');
      expect(body).toContain('<div id="page">');
    },
  );

  it('serves what the page needs, once: a browser that has it is told so', async () => {
    for (const path of ['/page.js', '/page.css', '/favicon.svg']) {
      const { status, headers } = await ask(path);
      expect(status, path).toBe(200);
      expect((await ask(path, { 'if-none-match': String(headers['etag']) })).status).toBe(304);
    }
  });

  it('tells what it knows as data', async () => {
    expect(JSON.parse((await ask('/api/groups')).body)).toMatchObject({ groups: [{ id: 'shop/orders' }] });
    expect(JSON.parse((await ask('/api/groups/shop/orders')).body)).toMatchObject({
      kind: 'group',
      name: 'orders',
    });
    expect((await ask('/api/groups/shop/other')).status).toBe(404);
  });

  it('forbids browsers whatever is not from here, and frames', async () => {
    for (const path of ['/', '/api/groups', '/page.js', '/nothing']) {
      const { headers } = await ask(path);
      expect(headers['content-security-policy'], path).toContain("default-src 'self'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('refuses %s: it is read-only', async (method) => {
    const { status, headers } = await ask('/api/groups', { method });
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  it('answers HEAD without a body, also for what never ends', async () => {
    expect(await ask('/api/groups', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(await ask('/api/watch', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  it('answers nothing under a name that a web site could have led here, and says what to do', async () => {
    const { status, body } = await ask('/api/groups', { host: 'rebind.example' });
    expect(status).toBe(421);
    expect(body).toContain('--dashboard-hosts');
    expect((await ask('/api/groups', { host: 'kcg.example:80' })).status).toBe(200);
  });

  it.each(['/../package.json', '/%2e%2e/package.json', '/groups/a', '/page.tsx', '/%', '/groups/%E0%A4%A/x'])(
    'has nothing at %s',
    async (path) => {
      expect([400, 404]).toContain((await ask(path)).status);
    },
  );
});

describe('who has a page open', () => {
  it.each<[who: string, behind: number[], cut: number[]]>([
    ['nobody within bounds', [8, 0, 7], []],
    ['who is behind by more than 8 MiB', [0, 9, 8], [9]],
    [
      'who is behind most when all are by more than 64 MiB, and no more than it takes',
      [0, 7, 8, 7, 8, 7, 7, 7, 7, 7, 7],
      [8],
    ],
  ])('%s is cut off', (_, behind, cut) => {
    const readers = behind.map((mib) => ({ writableLength: mib * 1024 * 1024 }));
    expect(tooFarBehind(readers).map(({ writableLength }) => writableLength / 1024 / 1024)).toEqual(cut);
  });

  it('hears first of which version the page is that would be served, then gets all of it, then what changes', async () => {
    const events: string[] = [];
    const messages: { type: string }[] = [];
    const changed = new Promise<void>((resolve) => {
      const asked = request({ port: dashboard.port, host: '127.0.0.1', path: '/api/watch' }, (response) => {
        response.setEncoding('utf8');
        let text = '';
        response.on('data', (part: string) => {
          text += part;
          const parts = text.split('\n\n');
          text = parts.pop()!;
          events.push(...parts);
          messages.splice(0);
          for (const each of events.filter((event) => event.startsWith('data: ')))
            messages.push(JSON.parse(each.replace('data: ', '')) as { type: string });
          if (messages.length === 1) board.role = { leads: false, leader: 'kcg-b' };
          if (messages.length > 1) resolve();
        });
        response.on('error', () => {});
      });
      asked.end();
    });
    await changed;
    const { body: version } = await ask('/version');
    expect(events[0]).toBe(`event: version\ndata: ${version}`);
    expect((await ask('/page.js')).body).toContain(version);
    expect(messages[0]).toMatchObject({ type: 'page', page: { groups: [{ id: 'shop/orders' }] } });
    expect(messages[1]).toMatchObject({ type: 'change', change: { set: { role: { leader: 'kcg-b' } } } });
  });
});
