import { KcgError } from '../../lib/errors.ts';

/** Longest line of a watch, bytes. An object in etcd has at most 1.5 MiB unless configured otherwise. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 10;

/** Lines of a byte stream; `onChunk` hears whenever something has come. An unfinished last line is dropped. */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  onChunk: () => void = () => {},
): AsyncGenerator<string> {
  const iterator = chunks[Symbol.asyncIterator]();
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  try {
    for (;;) {
      const { value: chunk, done } = await iterator.next();
      if (done) return;
      onChunk();
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        const last = chunk.subarray(start, end);
        const line = (pending.length === 0 ? last : Buffer.concat([...pending, last])).toString('utf8');
        pending = [];
        pendingBytes = 0;
        start = end + 1;
        if (line.trim() !== '') yield line;
      }
      if (start === chunk.length) continue;
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > MAX_LINE_BYTES)
        throw new KcgError('Unavailable', 'the watch sent a line without an end');
    }
  } finally {
    // Not awaited: a dead connection never answers, and the caller's abort ends it.
    iterator.return?.().catch(() => {});
  }
}
