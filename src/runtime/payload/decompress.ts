import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compression } from '../../api/payload-spec.ts';
import { PayloadError } from './payload-error.ts';

const GZIP = [0x1f, 0x8b, 0x08];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];
/** Of a frame to skip, which may be the first; the byte before these is 0x50 to 0x5f. */
const ZSTD_SKIPPED = [0x2a, 0x4d, 0x18];

/**
 * The data without its compression; the same bytes where it has none. Several gzip members or zstd frames in a row are one, as
 * tools that compress in parallel write them.
 * @param maxBytes most that may come out
 * @throws PayloadError when it is not whole, damaged or too large
 */
export function decompress(data: Uint8Array, compression: Compression, maxBytes: number): Uint8Array {
  switch (compression) {
    case 'None':
      return data;
    case 'Gzip':
      return told('Gzip', { data, maxBytes }, () => gunzipSync(data, { maxOutputLength: maxBytes }));
    case 'Zstd':
      return told('Zstd', { data, maxBytes }, () => zstdFrames(data, maxBytes));
    case 'Auto':
      return decompress(data, found(data), maxBytes);
  }
}

function found(data: Uint8Array): 'Gzip' | 'Zstd' | 'None' {
  if (beginsWith(data, GZIP)) return 'Gzip';
  const isSkipped = data[0]! >> 4 === 5 && beginsWith(data.subarray(1), ZSTD_SKIPPED);
  return isSkipped || beginsWith(data, ZSTD) ? 'Zstd' : 'None';
}

/** Node's own function ends, without a word, with the first frame. */
function zstdFrames(data: Uint8Array, maxBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let left = data;
  let room = maxBytes;
  do {
    const { buffer, engine } = zstdDecompressSync(left, {
      info: true,
      maxOutputLength: Math.max(1, room),
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    room -= buffer.length;
    if (room < 0) throw Object.assign(new Error('too large'), { code: 'ERR_BUFFER_TOO_LARGE' });
    parts.push(buffer);
    left = left.subarray(engine.bytesWritten);
    if (engine.bytesWritten === 0) throw new Error('nothing was read');
  } while (left.length > 0);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function told(
  compression: 'Gzip' | 'Zstd',
  { data, maxBytes }: { data: Uint8Array; maxBytes: number },
  work: () => Uint8Array,
): Uint8Array {
  try {
    return work();
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const what = compression.toLowerCase();
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw new PayloadError(`its data is more than ${maxBytes / 1024 / 1024} MiB without ${what}`);
    const is = found(data) === compression ? `${what} that is damaged or not whole` : `not ${what}`;
    throw new PayloadError(`its data is ${is}: ${message}`);
  }
}

function beginsWith(data: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => data[index] === byte);
}
