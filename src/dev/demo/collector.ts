import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeliveryTally, type Delivery } from './delivery-tally.ts';
import type { Clock } from '../../lib/clock.ts';

export interface Collector {
  url: string;
  tally: DeliveryTally;
  close(): Promise<void>;
}

/** Takes what the demo's handlers forward, on loopback, and counts it as it comes. */
export async function startCollector(clock: Clock): Promise<Collector> {
  const tally = new DeliveryTally();
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      tally.processed(JSON.parse(body) as Delivery, clock.monotonic());
      return response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    tally,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
