import { createServer, request, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import lock from 'lock';
import { afterEach, expect, it } from 'vitest';
import { surviveThrows } from '../../../src/dev/dynamodb/survive-throws.ts';
import { listen } from '../../../src/lib/listen.ts';

let server: Server;
afterEach(() => server.close());

/** Returns what asks it: the status of the answer. */
async function serve(
  handle: RequestListener,
  told: string[] = [],
): Promise<(path: string) => Promise<number>> {
  server = createServer(handle);
  surviveThrows(server, (error, { url }, response) => {
    told.push(`${url}: ${(error as Error).message}`);
    response.writeHead(500, { connection: 'close' }).end();
  });
  await listen(server, 0, '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  return (path) =>
    new Promise((resolve, reject) => {
      const call = request({ port, path, method: 'POST' }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!));
      });
      call.on('error', reject).end('body');
    });
}

const fail = (): never => {
  throw new Error('not foreseen');
};

it.each<[when: string, fails: () => void]>([
  ['at once', fail],
  ['in a timer', () => setTimeout(fail, 1)],
  ['in the next turn', () => setImmediate(() => process.nextTick(fail))],
])('a throw %s is told, answers its request and no other, and the server goes on', async (_, fails) => {
  const told: string[] = [];
  const ask = await serve((asked, answer) => {
    asked.resume().on('end', () => {
      if (asked.url === '/bad') fails();
      else setTimeout(() => answer.end(), 5);
    });
  }, told);
  expect(await Promise.all(['/good', '/bad', '/fine'].map(ask))).toEqual([200, 500, 200]);
  expect(await ask('/good')).toBe(200);
  expect(told).toEqual(['/bad: not foreseen']);
});

it('gives back what a request held that has thrown, and knows a request that began where another ended', async () => {
  const take = lock.Lock();
  const told: string[] = [];
  const ask = await serve((asked, answer) => {
    asked.resume().on('end', () =>
      take('item', (release) => {
        const done = release(() => answer.end());
        setTimeout(asked.url === '/good' ? done : fail, 1);
      }),
    );
  }, told);
  const paths = ['/good', '/bad', '/worse', '/good', '/bad'];
  expect(await Promise.all(paths.map(ask))).toEqual([200, 500, 500, 200, 500]);
  expect(told.toSorted()).toEqual(['/bad: not foreseen', '/bad: not foreseen', '/worse: not foreseen']);
});

it('takes no account of what is thrown after the answer', async () => {
  const told: string[] = [];
  const ask = await serve((asked, answer) => {
    asked.resume().on('end', () => {
      answer.end();
      fail();
    });
  }, told);
  expect(await ask('/')).toBe(200);
  expect(await ask('/')).toBe(200);
  expect(told).toEqual([]);
});
