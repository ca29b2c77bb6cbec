import { KcgError } from '../../lib/errors.ts';

/**
 * CBOR as the AWS SDK for Java speaks it with Kinesis (application/x-amz-cbor-1.1): maps, arrays, text, bytes,
 * numbers, and times as tag 1 with epoch ms. Source: RFC 8949; aws-sdk-java-v2 `SdkStructuredCborFactory`.
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  return new Decoder(bytes).value(0);
}

const BREAK = Symbol('break');
const MAX_DEPTH = 32;

class Decoder {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    const value = this.#item(depth);
    if (value === BREAK) throw malformed('a break outside of a list');
    return value;
  }

  #item(depth: number): unknown {
    if (depth > MAX_DEPTH) throw malformed('too deep');
    const initial = this.#take(1)[0] as number;
    const [major, info] = [initial >> 5, initial & 31];
    if (major === 7) return this.#simple(info);
    const length = info === 31 ? undefined : this.#argument(info);
    switch (major) {
      case 0:
        return definite(length);
      case 1:
        return -1 - definite(length);
      case 2:
        return length === undefined ? Buffer.concat(this.#chunks(major)) : this.#take(length);
      case 3:
        return Buffer.from(
          length === undefined ? Buffer.concat(this.#chunks(major)) : this.#take(length),
        ).toString('utf8');
      case 4:
        return this.#many(length, depth);
      case 5:
        return this.#map(length, depth);
      default: {
        const value = this.value(depth + 1);
        return length === 1 && typeof value === 'number' ? new Date(value) : value;
      }
    }
  }

  /** Of a string whose length comes piece by piece: each piece is a string of the same kind and of known length. */
  #chunks(major: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const initial = this.#take(1)[0] as number;
      if (initial === 0xff) return chunks;
      const info = initial & 31;
      if (initial >> 5 !== major || info === 31) throw malformed('a string of something else');
      chunks.push(this.#take(this.#argument(info)));
    }
  }

  #many(length: number | undefined, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let left = length ?? Infinity; left > 0; left--) {
      const item = this.#item(depth + 1);
      if (item === BREAK && length === undefined) break;
      if (item === BREAK) throw malformed('a break in a list of known length');
      items.push(item);
    }
    return items;
  }

  #map(length: number | undefined, depth: number): Record<string, unknown> {
    const items = this.#many(length === undefined ? undefined : length * 2, depth);
    const pairs = Array.from({ length: Math.floor(items.length / 2) }, (_, i) => [
      String(items[i * 2]),
      items[i * 2 + 1],
    ]);
    return Object.fromEntries(pairs) as Record<string, unknown>;
  }

  #simple(info: number): unknown {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    if (info === 23) return undefined;
    if (info === 31) return BREAK;
    if (info === 25) throw malformed('a half float');
    if (info === 26) return this.#view.getFloat32(this.#skip(4));
    if (info === 27) return this.#view.getFloat64(this.#skip(8));
    throw malformed(`simple value ${info}`);
  }

  #argument(info: number): number {
    if (info < 24) return info;
    if (info === 24) return this.#view.getUint8(this.#skip(1));
    if (info === 25) return this.#view.getUint16(this.#skip(2));
    if (info === 26) return this.#view.getUint32(this.#skip(4));
    if (info === 27) return Number(this.#view.getBigUint64(this.#skip(8)));
    throw malformed(`length code ${info}`);
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw malformed('it ends too soon');
    this.#at = start + length;
    return start;
  }
}

function definite(length: number | undefined): number {
  if (length === undefined) throw malformed('a number without an end');
  return length;
}

function malformed(why: string): KcgError {
  return new KcgError('InvalidInput', `The request body is not CBOR: ${why}.`);
}

/** Plain objects, arrays, strings, numbers, booleans, bytes and Dates; undefined members are left out. */
export function encodeCbor(value: unknown): Uint8Array {
  const chunks: Uint8Array[] = [];
  encode(value, chunks);
  return Buffer.concat(chunks);
}

function encode(value: unknown, out: Uint8Array[]): void {
  if (value === null || value === undefined) out.push(Uint8Array.of(0xf6));
  else if (typeof value === 'boolean') out.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (typeof value === 'number') encodeNumber(value, out);
  else if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    out.push(head(3, bytes.length), bytes);
  } else if (value instanceof Uint8Array) out.push(head(2, value.length), value);
  else if (value instanceof Date) {
    out.push(head(6, 1));
    encodeNumber(value.getTime(), out);
  } else if (Array.isArray(value)) {
    out.push(head(4, value.length));
    for (const item of value) encode(item, out);
  } else {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    out.push(head(5, entries.length));
    for (const [key, member] of entries) {
      encode(key, out);
      encode(member, out);
    }
  }
}

function encodeNumber(value: number, out: Uint8Array[]): void {
  if (Number.isSafeInteger(value)) {
    out.push(value >= 0 ? head(0, value) : head(1, -1 - value));
    return;
  }
  const float = Buffer.alloc(9);
  float[0] = 0xfb;
  float.writeDoubleBE(value, 1);
  out.push(float);
}

function head(major: number, argument: number): Uint8Array {
  const first = major << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 2 ** 8) return Uint8Array.of(first | 24, argument);
  if (argument < 2 ** 16) return Uint8Array.of(first | 25, argument >> 8, argument & 0xff);
  const size = argument < 2 ** 32 ? 4 : 8;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = first | (size === 4 ? 26 : 27);
  if (size === 4) bytes.writeUInt32BE(argument, 1);
  else bytes.writeBigUInt64BE(BigInt(argument), 1);
  return bytes;
}
