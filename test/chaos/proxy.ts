import { connect, createServer, type Server, type Socket } from 'node:net';
import { randomInt, type Random } from '../../src/lib/random.ts';
import { lastingPort } from '../support/lasting-port.ts';

/** What happens to the bytes of a connection. Shares are of chunks, 0 to 1, drawn for each chunk. */
export interface Faults {
  /** Least and most time that each chunk takes, ms. Chunks of one connection stay in order. */
  delayMs?: readonly [number, number];
  /** Connections are taken, and nothing passes. What was sent arrives when it is over, also from those who gave up. */
  stall?: boolean;
  /** The connection is reset instead. */
  drop?: number;
  /** Answers only: half of the chunk passes, and then the connection ends. */
  cut?: number;
  /** The chunk comes twice. */
  duplicate?: number;
  /** The second half of the chunk comes first. */
  reorder?: number;
  /** One bit is another. */
  corrupt?: number;
}

/** A TCP connection's way through bad times. One for each worker and server, so that each can be cut off alone. */
export class ChaosProxy {
  /** May be replaced at any time. */
  faults: Faults = {};
  /** Times that each kind of fault has happened. */
  readonly counts = new Map<string, number>();
  readonly #target: number;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  readonly port: number;
  #server: Server;

  private constructor(port: number, target: number, random: Random) {
    this.port = port;
    this.#target = target;
    this.#random = random;
    this.#server = createServer();
  }

  static async start(target: number, random: Random): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(await lastingPort(), target, random);
    await proxy.accept();
    return proxy;
  }

  /** Takes connections, on the same port as before. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    // Half-open: an answer still passes when the client has ended its half, as it would through a router.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#join(client));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.port, '127.0.0.1', resolve);
    });
  }

  /** As if nobody listened on the port; what is open is reset. */
  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cutAll();
    await closed;
  }

  stall(): void {
    this.faults = { stall: true };
  }

  heal(): void {
    this.faults = {};
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #join(client: Socket): void {
    const upstream = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#pass(client, upstream, false);
    this.#pass(upstream, client, true);
  }

  #pass(from: Socket, to: Socket, isAnswer: boolean): void {
    this.#sockets.add(from);
    let passing = Promise.resolve();
    const then = (step: () => void | Promise<void>) => {
      passing = passing.then(step);
    };
    from.on('data', (chunk: Buffer) => then(() => this.#carry(chunk, from, to, isAnswer)));
    from.on('end', () => then(() => void to.end()));
    from.on('error', () => {}); // 'close' follows
    from.on('close', (hadError) => {
      this.#sockets.delete(from);
      // Bytes on their way arrive although their sender is gone.
      then(() => void (hadError ? to.destroy() : to.end()));
    });
  }

  async #carry(chunk: Buffer, from: Socket, to: Socket, isAnswer: boolean): Promise<void> {
    const { delayMs, drop = 0, cut = 0, duplicate = 0, reorder = 0, corrupt = 0 } = this.faults;
    if (delayMs) await sleep(delayMs[0] + this.#random() * (delayMs[1] - delayMs[0]));
    while (this.faults.stall) await sleep(20);
    if (to.destroyed) return;
    if (this.#happens('drop', drop)) {
      from.resetAndDestroy();
      return void to.resetAndDestroy();
    }
    if (isAnswer && this.#happens('cut', cut)) {
      to.end(chunk.subarray(0, chunk.length >> 1));
      return void from.destroy();
    }
    if (this.#happens('corrupt', corrupt)) {
      const at = randomInt(this.#random, chunk.length);
      chunk[at] = chunk[at]! ^ (1 << randomInt(this.#random, 8));
    }
    const half = chunk.length >> 1;
    if (this.#happens('reorder', reorder))
      chunk = Buffer.concat([chunk.subarray(half), chunk.subarray(0, half)]);
    to.write(chunk);
    if (this.#happens('duplicate', duplicate)) to.write(chunk);
  }

  #happens(fault: string, share: number): boolean {
    if (share === 0 || this.#random() >= share) return false;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    return true;
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
