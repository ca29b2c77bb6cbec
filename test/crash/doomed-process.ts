import type { Clock } from '../../src/lib/clock.ts';

/**
 * Where a process dies, just before or just after its so-manieth write, counted from 1; or where it stands still, with that write
 * done and its answer still to be read.
 */
export interface CrashPoint {
  write: number;
  how: 'before' | 'after' | 'frozen';
}

/** What a process wrote, as people name it: `apply Deployment shop/orders-worker`. */
export interface Written {
  name: string;
  /** Virtual, monotonic. */
  atMs: number;
}

/** Calls that change nothing; whatever else a port has is a write, so that new ones are covered by themselves. */
export type Reads = ReadonlySet<string>;

const NEVER = new Promise<never>(() => {});

/**
 * One process as its surroundings see it. Once it is killed, no call of it is answered, none has an effect, and its clock wakes
 * nobody. While it is frozen, answers, changes and timers wait: when it wakes, the answers are there before a timer has told it
 * how late it is.
 */
export class DoomedProcess {
  readonly writes: Written[] = [];
  readonly killed = new AbortController();
  readonly clock: Clock;
  /** The crash point was reached. */
  isMet = false;
  readonly #point: CrashPoint | undefined;
  #frozen: PromiseWithResolvers<void> | undefined;
  readonly #onEffect: (write: string) => void;

  constructor({
    clock,
    point,
    onEffect,
  }: {
    clock: Clock;
    point: CrashPoint | undefined;
    /** At the moment of each write's effect. */
    onEffect: (write: string) => void;
  }) {
    this.#point = point;
    this.#onEffect = onEffect;
    this.clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, options) => this.#answer(clock.sleep(ms, options)),
    };
  }

  /** Ends a freeze. */
  wake(): void {
    this.#frozen?.resolve();
    this.#frozen = undefined;
  }

  /** Calls at once, or once it is awake. */
  hears(call: () => void): void {
    if (this.#frozen) void this.#frozen.promise.then(call);
    else call();
  }

  kill(): void {
    this.killed.abort();
  }

  /** `port` as this process has it. `describe` names a write by its method and arguments. */
  through<T extends object>(
    port: T,
    reads: Reads,
    describe: (method: string, args: readonly unknown[]) => string,
  ): T {
    return new Proxy(port, {
      get: (target, key) => {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          const call = (): unknown => method.apply(target, args);
          if (reads.has(String(key))) return this.#read(call);
          const name = describe(String(key), args);
          const write = () => {
            this.#onEffect(name);
            return call();
          };
          return this.#write(name, write);
        };
      },
    });
  }

  #read(call: () => unknown): unknown {
    if (this.killed.signal.aborted) return NEVER;
    const result = call();
    return result instanceof Promise ? this.#answer(result) : result;
  }

  #write(name: string, call: () => unknown): unknown {
    if (this.killed.signal.aborted) return NEVER;
    this.writes.push({ name, atMs: this.clock.monotonic() });
    const how = this.writes.length === this.#point?.write ? this.#point.how : undefined;
    this.isMet ||= how !== undefined;
    if (how === 'before') {
      this.kill();
      return NEVER;
    }
    const result = call();
    if (!(result instanceof Promise)) {
      if (how === 'after') this.kill();
      return result;
    }
    if (how === 'frozen') this.#frozen = Promise.withResolvers();
    if (how !== 'after') return this.#answer(result);
    const die = () => {
      this.kill();
      return NEVER;
    };
    return result.then(die, die);
  }

  /** Nobody hears it who is gone. */
  async #answer<T>(result: Promise<T>): Promise<T> {
    await result.catch(() => {});
    while (this.#frozen) await this.#frozen.promise;
    return this.killed.signal.aborted ? NEVER : result;
  }
}
