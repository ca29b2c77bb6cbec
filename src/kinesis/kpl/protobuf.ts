/** The little of protobuf's wire format that KPL aggregates need: varints and length-delimited fields, bounds-checked. */

/** Wire type of a number, seven bits to a byte. */
export const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
/** Wire type of a length and as many bytes. */
export const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** Thrown by readers for bytes that are no protobuf message; never leaves the codec. */
export class MalformedMessage extends Error {}

/** Reads fields of `bytes` from `position` to `end`. Never reads beyond, whatever the bytes say. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #end: number;
  #position: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get done(): boolean {
    return this.#position >= this.#end;
  }

  get position(): number {
    return this.#position;
  }

  /** An unsigned number below 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      if (this.#position >= this.#end) throw new MalformedMessage('varint beyond the end');
      const byte = this.#bytes[this.#position++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new MalformedMessage('varint too long');
  }

  /** Moves behind a length-delimited field and returns where its content starts; it ends at `position`. */
  bytes(): number {
    const length = this.varint();
    const start = this.#position;
    if (length > this.#end - start) throw new MalformedMessage('field beyond the end');
    this.#position = start + length;
    return start;
  }

  /** Goes into a length-delimited field, which is `done` at its end. Returns what `leave` is to be given there. */
  enter(): number {
    const outerEnd = this.#end;
    const length = this.varint();
    if (length > outerEnd - this.#position) throw new MalformedMessage('field beyond the end');
    this.#end = this.#position + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.#end = outerEnd;
  }

  skip(wireType: number): void {
    switch (wireType) {
      case WIRE_VARINT:
        this.#skipVarint();
        return;
      case WIRE_BYTES:
        this.bytes();
        return;
      case WIRE_FIXED64:
        this.#advance(8);
        return;
      case WIRE_FIXED32:
        this.#advance(4);
        return;
      default:
        throw new MalformedMessage(`wire type ${wireType}`);
    }
  }

  /** Up to ten bytes: a field we do not know may be a full 64-bit number. */
  #skipVarint(): void {
    for (let count = 0; count < 10; count++) {
      if (this.#position >= this.#end) throw new MalformedMessage('varint beyond the end');
      if ((this.#bytes[this.#position++] as number) < 0x80) return;
    }
    throw new MalformedMessage('varint too long');
  }

  #advance(count: number): void {
    if (count > this.#end - this.#position) throw new MalformedMessage('field beyond the end');
    this.#position += count;
  }
}
