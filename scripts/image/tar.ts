/** One entry of a layer. Folders above it are made by whoever unpacks; list those that need a mode of their own. */
export type ImageFile =
  | { path: string; mode: number; data: Uint8Array }
  | { path: string; link: string }
  | { path: string; mode: number; folder: true };

const BLOCK = 512;

/** A POSIX ustar archive, entries in the given order. The same input makes the same bytes: no times, no owners but root. */
export function tar(files: readonly ImageFile[]): Uint8Array {
  const parts = files.flatMap((file) => {
    const data = 'data' in file ? file.data : new Uint8Array();
    return [header(file, data.length), data, new Uint8Array((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
}

function header(file: ImageFile, size: number): Uint8Array {
  if (Buffer.byteLength(file.path) > 100) throw new Error(`path too long for an image: ${file.path}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at);
  block.write(file.path, 0);
  octal('link' in file ? 0o777 : file.mode, 100, 7);
  octal(0, 108, 7); // owner
  octal(0, 116, 7); // group
  octal(size, 124, 11);
  octal(0, 136, 11); // time
  block.fill(' ', 148, 156); // the checksum counts its own field as blanks
  block.write('link' in file ? '2' : 'folder' in file ? '5' : '0', 156);
  if ('link' in file) block.write(file.link, 157);
  block.write('ustar', 257);
  block.write('00', 263);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}
