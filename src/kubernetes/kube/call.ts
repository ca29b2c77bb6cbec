import type { Dispatcher } from 'undici';

/** Headers as the server has them, names in small letters. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a server said, all of it. */
export interface Answer {
  statusCode: number;
  headers: Headers;
  text: string;
}

/**
 * One call whose answer is gathered as it comes: the streams and signals of undici's `request` cost more than all else of a small
 * answer. `onHead` hears the status once the server begins to answer, or 0 when it does not.
 */
export class Call implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #end: PromiseWithResolvers<Answer>;
  readonly #onHead: (statusCode: number) => void;
  readonly #parts: Buffer[] = [];
  #head: Omit<Answer, 'text'> | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #over: Error | undefined;

  constructor(onHead: (statusCode: number) => void) {
    this.#onHead = onHead;
    this.#end = Promise.withResolvers();
    this.answer = this.#end.promise;
  }

  /** Also one that waits for a connection: it is not sent then. */
  abort(reason: unknown): void {
    this.#over = reason as Error;
    this.#controller?.abort(this.#over);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(this.#over);
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number, headers: Headers): void {
    // One of 1xx comes before the answer.
    if (statusCode < 200) return;
    this.#head = { statusCode, headers };
    this.#onHead(statusCode);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#parts.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#head) return;
    const { statusCode, headers } = this.#head;
    this.#end.resolve({ statusCode, headers, text: textOf(this.#parts) });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (!this.#head) this.#onHead(0);
    this.#end.reject(error);
  }
}

/** Not part by part: a character may begin in one and end in the next. */
function textOf(parts: readonly Buffer[]): string {
  const [first] = parts;
  return (parts.length > 1 ? Buffer.concat(parts) : first)?.toString('utf8') ?? '';
}
