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

/** Reads item by item where it stands and makes no object on the way; never beyond the end, whatever the bytes say. */
export class CborReader {
  readonly bytes: Buffer;
  at = 0;
  #major = 0;
  #argument = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
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

  /** Passes a null, if one is next. */
  passNull(): boolean {
    if (this.bytes[this.at] !== NULL) return false;
    this.at += 1;
    return true;
  }

  isText(): boolean {
    return this.bytes[this.at]! >> 5 === MAJOR_TEXT;
  }

  /** Passes the text `ascii`, if it is next. */
  passText(ascii: Uint8Array): boolean {
    const start = this.at;
    this.#head();
    if (this.#major === MAJOR_TEXT && this.#argument === ascii.length) {
      let same = 0;
      while (same < ascii.length && this.bytes[this.at + same] === ascii[same]) same += 1;
      if (same === ascii.length) {
        this.at += same;
        return true;
      }
    }
    this.at = start;
    return false;
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

  /** A number, also with a tag. */
  number(): number {
    const value = this.value();
    if (typeof value !== 'number') throw new MalformedCbor('no number');
    return value;
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
    const { bytes } = this;
    const start = this.#take(1);
    const initial = bytes[start]!;
    const info = initial & 31;
    this.#major = initial >> 5;
    if (info < 24) this.#argument = info;
    else if (info === 24) this.#argument = bytes[this.#take(1)]!;
    else if (info === 25) this.#argument = bytes.readUInt16BE(this.#take(2));
    else if (info === 26) this.#argument = bytes.readUInt32BE(this.#take(4));
    else if (info === 27) this.#argument = Number(bytes.readBigUInt64BE(this.#take(8)));
    else if (info === 31 && this.#major >= MAJOR_BYTES && this.#major <= MAJOR_MAP)
      this.#argument = UNTIL_BREAK;
    else throw new MalformedCbor(`length code ${info}`);
  }

  #take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw new MalformedCbor('it ends too soon');
    this.at = start + length;
    return start;
  }
}
