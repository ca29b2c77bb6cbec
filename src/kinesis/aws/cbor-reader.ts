/** Major types of CBOR (RFC 8949) that AWS uses. */
export const MAJOR_UINT = 0;
export const MAJOR_BYTES = 2;
export const MAJOR_TEXT = 3;
export const MAJOR_ARRAY = 4;
export const MAJOR_MAP = 5;
const MAJOR_TAG = 6;

/** Of a map, list, text or bytes that goes on until a break. */
const UNTIL_BREAK = -1;
const BREAK = 0xff;
const NULL = 0xf6;
const MAX_DEPTH = 32;

/** Thrown for bytes that are no CBOR, or more of it than AWS uses; never leaves the folder. */
export class MalformedCbor extends Error {}

/** An ASCII text of at least four bytes, to be compared four bytes at a time. */
export class AsciiName {
  readonly length: number;
  readonly words: Int32Array;

  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    const count = Math.ceil(bytes.length / 4);
    this.length = bytes.length;
    // The last one ends with the text, and may overlap with the one before.
    this.words = Int32Array.from({ length: count }, (_, index) =>
      bytes.readInt32BE(Math.min(4 * index, bytes.length - 4)),
    );
  }
}

/** Reads item by item where it stands and makes no object on the way; never beyond the end, whatever the bytes say. */
export class CborReader {
  readonly bytes: Buffer;
  readonly #view: DataView;
  at = 0;
  #major = 0;
  #argument = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Goes into a map or list. Returns how many entries are left: give it to `more` before each. */
  enter(major: typeof MAJOR_MAP | typeof MAJOR_ARRAY): number {
    this.#head();
    if (this.#major !== major) throw new MalformedCbor(`major type ${this.#major} in place of ${major}`);
    return this.#argument;
  }

  /** Is there another entry, when so many are left? One that goes on until a break counts on below zero. */
  more(left: number): boolean {
    if (left >= 0) return left > 0;
    if (this.bytes[this.at] !== BREAK) return true;
    this.at += 1;
    return false;
  }

  /** Is it `name` that was passed, from `start` on? */
  hasPassed(name: AsciiName, start: number): boolean {
    const { words, length } = name;
    if (this.at - start !== length) return false;
    const last = words.length - 1;
    for (let index = 0; index < last; index += 1)
      if (this.#view.getInt32(start + 4 * index) !== words[index]) return false;
    return this.#view.getInt32(this.at - 4) === words[last];
  }

  /** Passes a text or bytes and returns where the content begins; -1 when something else is next, or pieces of it. */
  pass(major: typeof MAJOR_TEXT | typeof MAJOR_BYTES): number {
    const start = this.at;
    this.#head();
    if (this.#major === major && this.#argument !== UNTIL_BREAK) return this.#take(this.#argument);
    this.at = start;
    return -1;
  }

  /** A view. */
  data(): Buffer {
    this.#head();
    if (this.#major !== MAJOR_BYTES) throw new MalformedCbor('no bytes');
    if (this.#argument === UNTIL_BREAK) return Buffer.concat(this.#chunks(() => this.data()));
    const start = this.#take(this.#argument);
    return this.bytes.subarray(start, this.at);
  }

  text(): string {
    this.#head();
    if (this.#major !== MAJOR_TEXT) throw new MalformedCbor('no text');
    if (this.#argument === UNTIL_BREAK) return this.#chunks(() => this.text()).join('');
    const start = this.#take(this.#argument);
    return this.bytes.toString('utf8', start, this.at);
  }

  /** Whatever is next; a tag's content without the tag. */
  value(depth = 0): unknown {
    if (depth > MAX_DEPTH) throw new MalformedCbor('too deep');
    const start = this.at;
    this.#head();
    const argument = this.#argument;
    switch (this.#major) {
      case MAJOR_UINT:
        return argument;
      case 1:
        return -1 - argument;
      case MAJOR_TAG:
        return this.value(depth + 1);
      case MAJOR_ARRAY: {
        const items: unknown[] = [];
        for (let left = argument; this.more(left); left -= 1) items.push(this.value(depth + 1));
        return items;
      }
      case MAJOR_MAP: {
        const entries: [string, unknown][] = [];
        for (let left = argument; this.more(left); left -= 1)
          entries.push([this.text(), this.value(depth + 1)]);
        return Object.fromEntries(entries);
      }
      case 7:
        return this.#simple(start);
      default:
        this.at = start;
        return this.#major === MAJOR_TEXT ? this.text() : this.data();
    }
  }

  #simple(start: number): unknown {
    const initial = this.bytes[start]!;
    if (initial === 0xfb) return this.bytes.readDoubleBE(start + 1);
    if (initial === 0xfa) return this.bytes.readFloatBE(start + 1);
    if (initial === 0xf4 || initial === 0xf5) return initial === 0xf5;
    if (initial === NULL || initial === 0xf7) return null;
    throw new MalformedCbor(`simple value ${initial}`);
  }

  #chunks<T>(read: () => T): T[] {
    const chunks: T[] = [];
    while (this.more(UNTIL_BREAK)) chunks.push(read());
    return chunks;
  }

  /** Passes the first byte of an item and its argument. */
  #head(): void {
    const start = this.#take(1);
    const initial = this.bytes[start]!;
    const info = initial & 31;
    this.#major = initial >> 5;
    this.#argument = info < 24 ? info : this.#longArgument(info);
  }

  #longArgument(info: number): number {
    switch (info) {
      case 24:
        return this.bytes[this.#take(1)]!;
      case 25:
        return this.#view.getUint16(this.#take(2));
      case 26:
        return this.#view.getUint32(this.#take(4));
      case 27: {
        const at = this.#take(8);
        return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
      }
      default:
        if (info === 31 && this.#major >= MAJOR_BYTES && this.#major <= MAJOR_MAP) return UNTIL_BREAK;
        throw new MalformedCbor(`length code ${info}`);
    }
  }

  #take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw new MalformedCbor('it ends too soon');
    this.at = start + length;
    return start;
  }
}
