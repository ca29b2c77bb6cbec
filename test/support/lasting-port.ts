import { createServer } from 'node:net';

/*
 * Ports for servers that go away and come back on the same one. One the system chooses would not last: while nobody
 * listens there, any connection of any process may be given it as its own. These are below what systems choose from
 * (32768 on Linux, 49152 elsewhere), a hundred for each process of the tests.
 */

const PORTS_PER_PROCESS = 100;
let used = 0;

/** A port of 127.0.0.1 where nothing listens now, and that nobody else is given. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + (process.pid % 220) * PORTS_PER_PROCESS + (used++ % PORTS_PER_PROCESS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
