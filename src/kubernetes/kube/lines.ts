import { KcgError } from '../../lib/errors.ts';

/** Longest line of a watch, bytes. An object in etcd has at most 1.5 MiB unless configured otherwise. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 10;

/** Cuts a byte stream into lines, empty ones left out. What is last and has no end yet is kept for what comes. */
export class LineCutter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  /** The lines that end in `chunk`. @throws KcgError `Unavailable` for a line without an end */
  cut(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#joined(chunk.subarray(start, end));
      start = end + 1;
      if (line.trim() !== '') lines.push(line);
    }
    if (start === chunk.length) return lines;
    this.#pending.push(chunk.subarray(start));
    this.#pendingBytes += chunk.length - start;
    if (this.#pendingBytes > MAX_LINE_BYTES)
      throw new KcgError('Unavailable', 'the watch sent a line without an end');
    return lines;
  }

  #joined(last: Buffer): string {
    if (this.#pending.length === 0) return last.toString('utf8');
    const whole = Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return whole.toString('utf8');
  }
}

/** Lines of a byte stream. An unfinished last line is dropped. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const cutter = new LineCutter();
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value: chunk, done } = await iterator.next();
      if (done) return;
      yield* cutter.cut(chunk);
    }
  } finally {
    // Not awaited: a dead connection never answers, and the caller's abort ends it.
    iterator.return?.().catch(() => {});
  }
}
