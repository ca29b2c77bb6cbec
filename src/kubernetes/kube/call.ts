import type { Dispatcher } from 'undici';

/** Headers as the server has them, names in small letters. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What a server said, all of it. */
export interface Answer {
  statusCode: number;
  headers: Headers;
  text: string;
}

export interface CallOptions {
  /** Hears the status once the server begins to answer, or 0 when it does not. */
  onHead: (statusCode: number) => void;
  /** Takes the body of a success as it comes, which is not gathered then. No more comes before it has returned; a throw ends the call. */
  onChunk?: ((chunk: Buffer) => void) | undefined;
}

/** One call, without the streams and signals of undici's `request`, which cost more than all else of a small answer. */
export class Call implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #end: PromiseWithResolvers<Answer>;
  readonly #options: CallOptions;
  readonly #parts: Buffer[] = [];
  #head: Omit<Answer, 'text'> | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #over: Error | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
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
    this.#options.onHead(statusCode);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    const { onChunk } = this.#options;
    if (onChunk && this.#head && this.#head.statusCode < 400) onChunk(chunk);
    else this.#parts.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#head) return;
    const { statusCode, headers } = this.#head;
    this.#end.resolve({ statusCode, headers, text: textOf(this.#parts) });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (!this.#head) this.#options.onHead(0);
    this.#end.reject(error);
  }
}

/** Not part by part: a character may begin in one and end in the next. */
function textOf(parts: readonly Buffer[]): string {
  const [first] = parts;
  return (parts.length > 1 ? Buffer.concat(parts) : first)?.toString('utf8') ?? '';
}
