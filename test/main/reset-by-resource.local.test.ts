import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { kcgHere } from '../support/kcg-here.ts';

test('who stops kcg reset while it waits is told what goes on, and it ends with 130', async () => {
  const stop = new AbortController();
  const server = createServer((request, response) => {
    const { method, url = '' } = request;
    // It has begun to wait: its first look at what it has made.
    if (method === 'GET' && url.includes('kinesisoffsetresets')) stop.abort();
    const [name = ''] = url.split('?')[0]!.split('/').slice(-1);
    const metadata = { name, namespace: 'shop', uid: 'u', resourceVersion: '1' };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ apiVersion: 'kcg.dev/v1alpha1', kind: 'Any', metadata }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const line = `reset orders -n shop --to TrimHorizon --server http://127.0.0.1:${port}`;
  const { code, stderr } = await kcgHere(line.split(' '), {}, stop.signal);
  expect(stderr).toMatch(
    /^not waited for: the operator goes on with shop\/(orders-\w+)\. kubectl get kcgreset \1 -n shop shows how it stands\.\n$/,
  );
  expect(code).toBe(130);
});
