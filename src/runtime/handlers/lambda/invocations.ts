/*
 * Which client of the Runtime API gets which invocation. Clients ask with `next` and answer by the invocation's id; nothing
 * else tells them apart: their requests come on one connection or on many, and one client may ask ahead.
 *
 *           queue()            pair()               answered()
 *  (new) ─────────► waiting ─────────► in flight ───────────────► (gone)
 *                    │  ▲                │ │ │
 *           giveUp() │  └─ undelivered() ┘ │ └ giveUp(): what is answered later is forgotten
 *                    ▼                     ▼
 *                  (gone)             lost: its client asks again, and cannot have it any more
 *
 * Invocations and calls of `next` wait in the order in which they came.
 *
 * When is an invocation lost before its time is up? A client that ended has closed its connections, and one that is started
 * anew asks for another event. Both together are evidence while there is one client: with several, the one that asks may be
 * any of them, and one that is busy may close an idle connection. Whoever answers what was held lost had not ended; then there
 * are several, and from there on only time tells.
 */

/** A call of `next`. */
export interface Ask {
  call: number;
  connection: number;
  /** HTTP/1.0, or `Connection: close`: its connection ends with the answer, whatever becomes of the client. */
  closesItself: boolean;
}

/** This `next` gets this invocation. */
export interface Pair {
  call: number;
  invocation: string;
}

interface InFlight {
  ask: Ask;
  isClosed: boolean;
}

export class Invocations {
  readonly #most: number;
  #waiting: string[] = [];
  #asks: Ask[] = [];
  readonly #inFlight = new Map<string, InFlight>();
  #lost: string | undefined;
  #hasSeveral = false;

  /** @param most invocations in flight at once; a client may ask ahead without bound */
  constructor(most = Infinity) {
    this.#most = most;
  }

  /** Invocations that no client has. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Calls of `next` that have nothing. */
  get asking(): number {
    return this.#asks.length;
  }

  /** Invocations that a client has, neither answered nor given up. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Who waits for whom is over for these, oldest first. To be called after each change. */
  pair(): Pair[] {
    const pairs: Pair[] = [];
    while (this.#waiting.length > 0 && this.#asks.length > 0 && this.inFlight < this.#most) {
      const ask = this.#asks.shift()!;
      const invocation = this.#waiting.shift()!;
      this.#inFlight.set(invocation, { ask, isClosed: false });
      pairs.push({ call: ask.call, invocation });
    }
    return pairs;
  }

  queue(invocation: string): void {
    this.#waiting.push(invocation);
  }

  /** The invocation that is lost, as its client has begun anew. */
  ask(ask: Ask): string | undefined {
    const lost = this.beginsAnew();
    if (lost === undefined && this.inFlight + this.asking > 0) this.#hasSeveral = true;
    this.#asks.push(ask);
    return lost;
  }

  /** The same for a client that only says that it cannot begin. */
  beginsAnew(): string | undefined {
    const [only] = this.#inFlight;
    if (!only || this.#hasSeveral || this.inFlight > 1 || this.asking > 0) return undefined;
    const [invocation, { ask, isClosed }] = only;
    if (!isClosed || ask.closesItself) return undefined;
    this.#inFlight.delete(invocation);
    this.#lost = invocation;
    return invocation;
  }

  /** The connection is gone, and with it a `next` that waited on it. */
  closed(connection: number): void {
    this.#asks = this.#asks.filter((ask) => ask.connection !== connection);
    for (const given of this.#inFlight.values())
      if (given.ask.connection === connection) given.isClosed = true;
  }

  /** The connection ended before the whole invocation was sent: its client has nothing of it. True: it waits again. */
  undelivered(invocation: string): boolean {
    if (!this.#inFlight.delete(invocation)) return false;
    this.#waiting.unshift(invocation);
    return true;
  }

  /** False: nobody waits for the answer any more, or ever did. */
  answered(invocation: string): boolean {
    if (this.#inFlight.delete(invocation)) return true;
    if (invocation === this.#lost) this.#hasSeveral = true;
    return false;
  }

  /** `begun`: a client has it, and may go on with it. */
  giveUp(invocation: string): 'waiting' | 'begun' | 'unknown' {
    if (this.#inFlight.delete(invocation)) return 'begun';
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((id) => id !== invocation);
    return this.#waiting.length < before ? 'waiting' : 'unknown';
  }
}
