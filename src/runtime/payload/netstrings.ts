import { PayloadError } from './payload-error.ts';

const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
const MOST_DIGITS = 9;

/**
 * The payloads of netstrings, `<decimal length>:<bytes>,` one after the other, as views. async-kinesis writes several msgpack
 * values so.
 * Source: cr.yp.to/proto/netstrings.txt.
 * @throws PayloadError when a length, its colon or a comma is not where it has to be
 */
export function netstrings(data: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const { length, start } = header(data, at);
    const end = start + length;
    if (data[end] !== COMMA) throw broken(`the netstring at byte ${at} does not end with a comma`);
    found.push(data.subarray(start, end));
    at = end + 1;
  }
  return found;
}

function header(data: Uint8Array, at: number): { length: number; start: number } {
  let length = 0;
  let digits = 0;
  for (; digits <= MOST_DIGITS; digits += 1) {
    const byte = data[at + digits];
    if (byte === COLON && digits > 0) return { length, start: at + digits + 1 };
    const digit = byte === undefined ? -1 : byte - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && length === 0)) break;
    length = length * 10 + digit;
  }
  throw broken(`there is no netstring's length at byte ${at}`);
}

function broken(what: string): PayloadError {
  return new PayloadError(`its data is not netstrings: ${what}`);
}
