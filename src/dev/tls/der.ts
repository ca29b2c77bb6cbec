/** ASN.1's distinguished encoding, as far as a certificate needs it. Source: ITU-T X.690. */
type Der = Uint8Array;

function tagged(tag: number, ...parts: readonly Der[]): Der {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Der {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export const sequence = (...parts: readonly Der[]): Der => tagged(0x30, ...parts);
export const set = (...parts: readonly Der[]): Der => tagged(0x31, ...parts);
export const octets = (content: Der): Der => tagged(0x04, content);
export const text = (value: string): Der => tagged(0x0c, Buffer.from(value));
export const TRUE: Der = tagged(0x01, Buffer.from([0xff]));

/** A number that is not negative, in big-endian bytes. */
export function integer(bytes: Der): Der {
  const sign = (bytes[0] ?? 0) >= 0x80 ? [0] : [];
  return tagged(0x02, Buffer.from(sign), bytes);
}

/** @param unused bits at the end of the last byte that do not count */
export const bits = (content: Der, unused = 0): Der => tagged(0x03, Buffer.from([unused]), content);

/** A context-specific tag: around other values (`constructed`), or in place of a value's own tag. */
export const context = (tag: number, content: Der, constructed: boolean): Der =>
  tagged((constructed ? 0xa0 : 0x80) | tag, content);

/** @param dotted as in `2.5.29.17` */
export function objectId(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

/** A moment, to the second, before the year 2050. */
export function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replace(/\D/g, '');
  return tagged(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}
