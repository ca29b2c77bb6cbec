import type { Clock } from '../../../lib/clock.ts';
import type { FunctionCounts } from './function-counts.ts';
import { Invocations } from './invocations.ts';
import type { Post } from './posted-result.ts';

/** One batch, for whichever client asks for it. */
export interface Invocation {
  id: string;
  body: Buffer;
  /** As of the moment at which a client gets it. */
  headers: () => Readonly<Record<string, string>>;
  /** A client has it from now on. */
  onBegun: () => void;
  /** The client did not get the whole of it: it waits again. */
  onUndelivered: () => void;
  /** `lost`: the client began anew without an answer to it. */
  onEnd: (end: Post | 'lost') => void;
}

/** A call of `next` as its server knows it. */
export interface NextCall {
  connection: number;
  closesItself: boolean;
  give: (invocation: Invocation) => void;
}

/** Brings invocations and the clients of the Runtime API together. */
export class FunctionCalls {
  readonly #clock: Clock;
  readonly #machine: Invocations;
  readonly #invocations = new Map<string, Invocation>();
  readonly #calls = new Map<number, NextCall>();
  readonly #counts = { abandoned: 0, lost: 0, forgotten: 0 };
  #lastCall = 0;
  #absentSinceMs: number | undefined;
  #dueMs: number | undefined;
  #initError: string | undefined;
  #asked = Promise.withResolvers<void>();

  /** @param most invocations in flight at once; undefined: as many as are asked for */
  constructor(clock: Clock, most?: number) {
    this.#clock = clock;
    this.#machine = new Invocations(most);
    this.#absentSinceMs = clock.monotonic();
  }

  get counts(): FunctionCounts {
    const { waiting, asking, inFlight } = this.#machine;
    return { waiting, asking, inFlight, ...this.#counts };
  }

  /** What a client said that could not begin, until one asks. */
  get initError(): string | undefined {
    return this.#initError;
  }

  /** For how long no client has asked or had anything to do, ms; undefined while one has. */
  get absentMs(): number | undefined {
    return this.#absentSinceMs === undefined ? undefined : this.#clock.monotonic() - this.#absentSinceMs;
  }

  /** Nobody has asked since an invocation was given up that a client had, and its time is over. */
  get hangs(): boolean {
    return this.#absentSinceMs !== undefined && this.#clock.monotonic() >= (this.#dueMs ?? Infinity);
  }

  /** Resolves with the next call of `next`. */
  whenAsked(): Promise<void> {
    return this.#asked.promise;
  }

  invoke(invocation: Invocation): void {
    this.#invocations.set(invocation.id, invocation);
    this.#machine.queue(invocation.id);
    this.#pair();
  }

  /** What is answered later is forgotten. `dueMs`: until then a client may go on with it, monotonic ms. */
  giveUp(id: string, dueMs: number): void {
    this.#invocations.delete(id);
    if (this.#machine.giveUp(id) === 'begun') {
      this.#counts.abandoned += 1;
      this.#dueMs = Math.max(dueMs, this.#dueMs ?? 0);
    }
    this.#pair();
  }

  next(asked: NextCall): void {
    this.#lastCall += 1;
    const call = this.#lastCall;
    this.#calls.set(call, asked);
    this.#initError = undefined;
    this.#dueMs = undefined;
    const { connection, closesItself } = asked;
    const lost = this.#machine.ask({ call, connection, closesItself });
    this.#asked.resolve();
    this.#asked = Promise.withResolvers();
    this.#lose(lost);
    this.#pair();
  }

  initFailed(said: string): void {
    this.#initError = said;
    this.#lose(this.#machine.beginsAnew());
    this.#pair();
  }

  posted(id: string, post: Post): void {
    const invocation = this.#invocations.get(id);
    if (this.#machine.answered(id) && invocation) {
      this.#invocations.delete(id);
      invocation.onEnd(post);
    } else this.#counts.forgotten += 1;
    this.#pair();
  }

  closed(connection: number): void {
    for (const [call, asked] of this.#calls) if (asked.connection === connection) this.#calls.delete(call);
    this.#machine.closed(connection);
    this.#pair();
  }

  /** Its `next` broke off before all of it was sent. */
  undelivered(id: string): void {
    if (this.#machine.undelivered(id)) this.#invocations.get(id)?.onUndelivered();
    this.#pair();
  }

  #lose(id: string | undefined): void {
    const invocation = id === undefined ? undefined : this.#invocations.get(id);
    if (!invocation) return;
    this.#invocations.delete(invocation.id);
    this.#counts.lost += 1;
    invocation.onEnd('lost');
  }

  #pair(): void {
    for (const { call, invocation: id } of this.#machine.pair()) {
      const invocation = this.#invocations.get(id)!;
      const asked = this.#calls.get(call)!;
      this.#calls.delete(call);
      invocation.onBegun();
      asked.give(invocation);
    }
    if (this.#machine.asking + this.#machine.inFlight > 0) this.#absentSinceMs = undefined;
    else this.#absentSinceMs ??= this.#clock.monotonic();
  }
}
