export interface LineSplitterOptions {
  maxBytes: number;
  /** What is longer comes in parts; else only its beginning does, with its end. */
  inParts?: boolean;
}

/**
 * Cuts what comes in pieces into lines. One that is longer than the bound is told to be cut: a program cannot fill the memory of
 * its worker.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #inParts: boolean;
  readonly #onLine: (line: string, isCut: boolean) => void;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(
    { maxBytes, inParts = false }: LineSplitterOptions,
    onLine: (line: string, isCut: boolean) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#inParts = inParts;
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    for (let from = 0; from < chunk.length;) {
      const end = chunk.indexOf(10, from);
      this.#keep(chunk.subarray(from, end < 0 ? chunk.length : end));
      if (end < 0) return;
      this.end();
      from = end + 1;
    }
  }

  /** What came last is a line too. */
  end(isPart = false): void {
    const isCut = isPart || this.#bytes > this.#maxBytes;
    const line = Buffer.concat(this.#pieces).toString('utf8').trim();
    this.#pieces = [];
    this.#bytes = 0;
    if (line !== '') this.#onLine(line, isCut);
  }

  #keep(piece: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    this.#bytes += piece.length;
    if (room > 0) this.#pieces.push(piece.length > room ? piece.subarray(0, room) : piece);
    if (!this.#inParts || piece.length <= room) return;
    this.end(true);
    this.#keep(piece.subarray(room));
  }
}
