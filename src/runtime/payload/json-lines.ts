const LF = 0x0a;
const CR = 0x0d;
const BLANK = new Set([0x09, CR, 0x20]);

/**
 * The lines of newline-delimited data that are not blank, as views. A line ends with LF or CR LF, the last one also with the
 * data. Whether each is JSON shows when its value is asked for.
 */
export function jsonLines(data: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < data.length;) {
    const found = data.indexOf(LF, start);
    const end = found === -1 ? data.length : found;
    const line = data.subarray(start, end > start && data[end - 1] === CR ? end - 1 : end);
    if (!line.every((byte) => BLANK.has(byte))) lines.push(line);
    start = end + 1;
  }
  return lines;
}
