/** Lets calls run side by side, but for those that want to be alone. */
export class Gate {
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<unknown> | undefined;

  async shared<T>(call: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#closed;
    return this.#track(call);
  }

  /** Waits for the calls under way, and holds back those that come meanwhile. */
  async alone<T>(call: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#closed;
    const before = [...this.#running];
    const opened = Promise.withResolvers<void>();
    this.#closed = opened.promise;
    try {
      await Promise.allSettled(before);
      return await call();
    } finally {
      this.#closed = undefined;
      opened.resolve();
    }
  }

  async #track<T>(call: () => Promise<T>): Promise<T> {
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}
