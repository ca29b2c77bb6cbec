import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { kcgHere } from '../support/kcg-here.ts';

const metadata = { namespace: 'shop', uid: 'u', resourceVersion: '1' };

/** An API server whose user may do nothing with groups, and creates resets. @returns its address */
async function serve(answer: (request: IncomingMessage, name: string) => Promise<object>): Promise<string> {
  const server = createServer((request, response) => {
    const { url = '' } = request;
    const [name = ''] = url.split('?')[0]!.split('/').slice(-1);
    response.setHeader('content-type', 'application/json');
    if (url.includes('kinesisconsumergroups')) response.statusCode = 403;
    void answer(request, name).then((answered) => {
      const object = { metadata: { ...metadata, name }, ...answered };
      response.end(JSON.stringify({ apiVersion: 'kcg.dev/v1alpha1', kind: 'Any', ...object }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('who may only reset, and stops kcg reset while it waits, is told what goes on, and it ends with 130', async () => {
  const stop = new AbortController();
  const server = await serve(async ({ method, url = '' }) => {
    // It has begun to wait: its first look at what it has made.
    if (method === 'GET' && url.includes('kinesisoffsetresets')) stop.abort();
    return {};
  });
  const line = `reset orders -n shop --to TrimHorizon --server ${server}`;
  const { code, stderr } = await kcgHere(line.split(' '), {}, stop.signal);
  expect(stderr).toMatch(
    /^not waited for: the operator goes on with shop\/(orders-\w+)\. kubectl get kcgreset \1 -n shop shows how it stands\.\n$/,
  );
  expect(code).toBe(130);
});

test('--ttl is how long the resource is kept; with -f there is none', async () => {
  const asked: unknown[] = [];
  const server = await serve(async (request) => {
    if (request.method === 'PATCH') asked.push(((await json(request)) as { spec: unknown }).spec);
    const complete = { type: 'Complete', status: 'True', reason: 'Reset', message: '2 shards moved' };
    return { status: { conditions: [complete] } };
  });
  const line = 'reset orders -n shop --to Latest --ttl';
  const done = await kcgHere(`${line} 1h --server ${server}`.split(' '));
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(asked).toEqual([{ group: 'orders', to: { type: 'Latest' }, ttlSecondsAfterFinished: 3_600 }]);
  // It would be gone before its end is seen.
  const short = await kcgHere(`${line} 0 --server ${server}`.split(' '));
  expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining('seconds from 60') as string });
  const local = await kcgHere('reset -f group.yaml --to Latest --ttl 1h'.split(' '));
  expect(local).toMatchObject({ code: 2, stderr: expect.stringContaining('Leave out --ttl') as string });
});

test('--undo goes back before the reset that ended last, also of those of one second', async () => {
  const status = { completionTime: '2026-11-29T08:00:00Z', snapshot: { id: 's' } };
  const items = ['9', '11', '10'].map((resourceVersion) => {
    const of = { ...metadata, name: `at-${resourceVersion}`, resourceVersion };
    return { metadata: of, spec: { group: 'orders' }, status };
  });
  const asked: unknown[] = [];
  const server = await serve(async (request, name) => {
    if (name === 'kinesisoffsetresets') return { metadata: {}, items };
    if (request.method === 'PATCH') asked.push(((await json(request)) as { spec: unknown }).spec);
    const complete = { type: 'Complete', status: 'True', reason: 'Reset', message: '2 shards moved' };
    return { status: { conditions: [complete] } };
  });
  const done = await kcgHere(`reset orders -n shop --undo --server ${server}`.split(' '));
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toContain('created: back before at-11, which was over at 2026-11-29T08:00:00Z');
  expect(asked).toEqual([{ group: 'orders', undo: 'at-11' }]);
});
