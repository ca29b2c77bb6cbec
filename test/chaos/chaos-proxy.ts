import { createServer, connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { seededRandom, type Random } from '../../src/lib/random.ts';

/**
 * `pass` hands everything on. `refuse` resets connections, new and old. `stall` accepts and says nothing. `garble` drops,
 * delays, cuts, doubles and swaps pieces of what goes through, by chance.
 */
export type ProxyMode = 'pass' | 'refuse' | 'stall' | 'garble';

export interface ChaosProxy {
  endpoint: string;
  set(mode: ProxyMode): void;
  close(): Promise<void>;
}

/** A TCP proxy before a local server, whose manners change while connections run. */
export async function startChaosProxy(target: string, seed: number): Promise<ChaosProxy> {
  const { hostname, port } = new URL(target);
  const random = seededRandom(seed);
  const sockets = new Set<Socket>();
  let mode: ProxyMode = 'pass';
  const server = createServer((client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      let last = Promise.resolve();
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        void last.then(() => to.destroy());
      });
      from.on('data', (chunk) => {
        const sending = mode;
        last = last.then(async () => {
          if (to.destroyed || sending === 'stall') return;
          if (sending === 'pass') return void to.write(chunk);
          await garble(chunk, to, random);
        });
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      mode = next;
      if (next === 'refuse') for (const socket of sockets) socket.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/**
 * Most pieces pass: a connection on which nothing ever works proves only that nothing happens. A connection whose bytes
 * were doubled or swapped ends there, as TLS would end it; requests themselves arrive whole or not at all.
 */
async function garble(chunk: Buffer, to: Socket, random: Random): Promise<void> {
  const dice = random();
  const half = Math.floor(chunk.length / 2);
  if (dice < 0.03) to.resetAndDestroy();
  else if (dice < 0.06) to.end(chunk.subarray(0, half));
  else if (dice < 0.08) to.end(Buffer.concat([chunk, chunk]));
  else if (dice < 0.1) to.end(Buffer.concat([chunk.subarray(half), chunk.subarray(0, half)]));
  else {
    if (dice < 0.25) await setTimeout(random() * 1_500);
    if (!to.destroyed) to.write(chunk);
  }
}
