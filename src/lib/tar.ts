/** A file of an archive. */
export interface TarFile {
  /** At most 100 bytes, with `/` between folders. */
  path: string;
  content: string | Uint8Array;
  /** Default 0o644. */
  mode?: number;
}

/** An entry of an archive. Folders above it are made by whoever unpacks; list those that need a mode of their own. */
export type TarEntry =
  | TarFile
  | { path: string; link: string }
  | { path: string; mode: number; folder: true };

const BLOCK = 512;
const MAX_NAME = 100;

/**
 * A tar archive (POSIX ustar), entries in the given order, all of one time, ms since the epoch, and owned by root: the same input
 * makes the same bytes. Source: POSIX.1-2017, pax, "ustar Interchange Format".
 * @throws Error when a path, or what a link leads to, is longer than 100 bytes
 */
export function tarOf(entries: readonly TarEntry[], timeMs = 0): Buffer {
  const parts = entries.flatMap((entry) => {
    const bytes = Buffer.from('content' in entry ? entry.content : '');
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    return [header(entry, bytes.length, timeMs), bytes, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry, size: number, timeMs: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const name = (value: string, at: number) => {
    if (Buffer.byteLength(value) > MAX_NAME) throw new Error(`too long for a tar archive: ${value}`);
    block.write(value, at);
  };
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at);
  name(entry.path, 0);
  octal('link' in entry ? 0o777 : (entry.mode ?? 0o644), 100, 7);
  octal(0, 108, 7); // owner
  octal(0, 116, 7); // group
  octal(size, 124, 11);
  octal(Math.floor(timeMs / 1_000), 136, 11);
  block.fill(' ', 148, 156); // the checksum counts its own field as blanks
  block.write('link' in entry ? '2' : 'folder' in entry ? '5' : '0', 156);
  if ('link' in entry) name(entry.link, 157);
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
  return block;
}
