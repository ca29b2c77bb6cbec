import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/*
 * Ports for servers that go away and come back on the same one, or that take their time to begin. One the system chooses would not
 * last: while nobody listens there, any connection of any process may be given it as its own. These are below what systems choose
 * from (32768 on Linux, 49152 elsewhere), and above those of Kubernetes' own programs, which a node of the tests has. Of each that is
 * given the UDP port of the same number is kept for as long as this process lives, so that no other process of the tests is given it.
 */

const FIRST = 10_300;
const COUNT = 22_000;
let tried = randomInt(COUNT);

/**
 * A port of 127.0.0.1 where nothing listens now, and that nobody else is given. With `second`, which is below 12,000, the port that
 * far above it is the caller's as well: some programs listen on both.
 */
export async function lastingPort(second = 0): Promise<number> {
  for (;;) {
    const port = FIRST + (tried++ % (COUNT - second));
    if ((await isTaken(port)) && (second === 0 || (await isTaken(port + second)))) return port;
  }
}

/** Claimed first: to look whether a port is free is to listen there for a moment, which whoever has it may want to do just then. */
const isTaken = async (port: number) => (await isClaimed(port)) && (await isFree(port));

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function isClaimed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const claim = createSocket('udp4').unref();
    claim.once('error', () => resolve(false));
    claim.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}
