/** Lets in one at a time, in the order they came. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when it is one's turn, with what ends that; undefined when `signal` aborts before. */
  async enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    const before = this.#last;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#last = Promise.all([before, over]);
    const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
    const abort = () => onAbort();
    signal.addEventListener('abort', abort, { once: true });
    if (!signal.aborted) await Promise.race([before, aborted]);
    signal.removeEventListener('abort', abort);
    if (!signal.aborted) return end;
    end();
    return undefined;
  }
}
