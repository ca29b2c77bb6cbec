import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { DeliveryTally, type Delivery } from './delivery-tally.ts';
import type { Clock } from '../../lib/clock.ts';

export interface Collector {
  url: string;
  tally: DeliveryTally;
  close(): Promise<void>;
}

/** Takes what the demo's handlers forward, on loopback, and counts it as it comes; what does not come whole does not count. */
export async function startCollector(clock: Clock): Promise<Collector> {
  const tally = new DeliveryTally();
  const server = createServer((request, response) => {
    json(request).then(
      (delivery) => {
        tally.processed(delivery as Delivery, clock.monotonic());
        response.writeHead(204).end();
      },
      () => response.destroy(),
    );
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
