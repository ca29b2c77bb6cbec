import { utf8 } from './decode-value.ts';
import { PayloadError } from './payload-error.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const SPACE = new Set([0x09, 0x0a, 0x0d, 0x20]);

/**
 * The elements of a JSON list, as views of their text: numbers keep the digits that they were written with.
 * @throws PayloadError when the data is not one JSON list
 */
export function jsonList(data: Uint8Array): Uint8Array[] {
  let list: unknown;
  try {
    list = JSON.parse(utf8(data));
  } catch {
    throw new PayloadError('its data is not JSON');
  }
  if (!Array.isArray(list)) throw new PayloadError('its data is JSON, but not a list');
  return list.length === 0 ? [] : elements(data);
}

/** Of text that is known to be a list with elements. All that separates them is ASCII, which no other UTF-8 byte is. */
function elements(data: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < data.length; at += 1) {
    const byte = data[at]!;
    if (byte === QUOTE) {
      at = endOfString(data, at);
    } else if (OPENING.has(byte)) {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (CLOSING.has(byte)) {
      depth -= 1;
      if (depth === 0) found.push(trimmed(data, start, at));
    } else if (byte === COMMA && depth === 1) {
      found.push(trimmed(data, start, at));
      start = at + 1;
    }
  }
  return found;
}

function endOfString(data: Uint8Array, start: number): number {
  let at = start + 1;
  while (data[at] !== QUOTE) at += data[at] === BACKSLASH ? 2 : 1;
  return at;
}

function trimmed(data: Uint8Array, start: number, end: number): Uint8Array {
  while (SPACE.has(data[start]!)) start += 1;
  while (SPACE.has(data[end - 1]!)) end -= 1;
  return data.subarray(start, end);
}
