import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { runOperatorCommand } from '../../src/main/operator.ts';
import { until } from '../support/until.ts';

/** The port that the operator has taken. */
const serves = vi.hoisted(() => Promise.withResolvers<number>());
vi.mock(import('../../src/operator/operator-server.ts'), async (original) => {
  const { startOperatorServer } = await original();
  const start: typeof startOperatorServer = async (options) => {
    const server = await startOperatorServer(options);
    serves.resolve(server.port);
    return server;
  };
  return { startOperatorServer: start };
});

const MINUTE = 60_000;
let api: Server;
const folder = mkdtempSync(join(tmpdir(), 'kcg-hangs-'));

/** Holds nothing, and says nothing to who watches. */
beforeAll(async () => {
  api = createServer(({ url = '' }, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (!url.includes('watch=true'))
      response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion: '1' }, items: [] }));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
});

function kubeconfigOf(server: Server): string {
  const { port } = server.address() as AddressInfo;
  const path = join(folder, 'kubeconfig');
  const config = {
    clusters: [{ name: 'a', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'a', user: {} }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

test('the operator tells the kubelet that it hangs once its watches neither hear nor ask, and not before', async () => {
  const stop = new AbortController();
  const quiet = ['--worker-image', 'kcg:test', '--http-port', '0', '--log-level', 'silent'];
  const run = runOperatorCommand(['--kubeconfig', kubeconfigOf(api), ...quiet], {}, stop.signal);
  const port = await serves.promise;
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${answer.status} ${(await answer.text()).trim()}`;
  };
  await until('it is ready', async () => (await ask('/readyz')) === '200 ok');
  const now = systemClock.monotonic.bind(systemClock);
  let aheadMs = 0;
  const monotonic = vi.spyOn(systemClock, 'monotonic').mockImplementation(() => now() + aheadMs);
  onTestFinished(() => monotonic.mockRestore());
  expect(await ask('/healthz')).toBe('200 ok');
  aheadMs = 11 * MINUTE;
  expect(await ask('/healthz')).toBe('503 a watch hears nothing, and does not ask anew');
  aheadMs = 0;
  expect(await ask('/healthz')).toBe('200 ok');
  stop.abort();
  expect(await run).toBe(0);
});
