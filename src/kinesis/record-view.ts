import type { KinesisRecord } from './record.ts';

/** Where the fields of a record lie; to be filled in anew for each record. */
export class RecordPlace {
  readonly bytes: Buffer;
  sequenceAt = 0;
  sequenceLength = 0;
  keyAt = 0;
  keyBytes = 0;
  dataAt = 0;
  dataBytes = 0;
  arrivedAt = 0;
  encryptionType: KinesisRecord['encryptionType'];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Forgets all: a record may lack anything. */
  clear(): void {
    this.sequenceLength = this.keyBytes = this.dataBytes = this.arrivedAt = 0;
    this.encryptionType = undefined;
  }
}

/**
 * A record that is read where it lies when it is asked: nothing is made of what nobody looks at. Its data is a view, so
 * whoever keeps it keeps all that came with it.
 */
export class RecordView implements KinesisRecord {
  readonly arrivedAt: number;
  readonly dataBytes: number;
  readonly keyBytes: number;
  readonly #bytes: Buffer;
  readonly #sequenceAt: number;
  readonly #sequenceLength: number;
  readonly #keyAt: number;
  readonly #dataAt: number;
  readonly encryptionType: KinesisRecord['encryptionType'];

  constructor(place: RecordPlace) {
    this.arrivedAt = place.arrivedAt;
    this.dataBytes = place.dataBytes;
    this.keyBytes = place.keyBytes;
    this.#bytes = place.bytes;
    this.#sequenceAt = place.sequenceAt;
    this.#sequenceLength = place.sequenceLength;
    this.#keyAt = place.keyAt;
    this.#dataAt = place.dataAt;
    this.encryptionType = place.encryptionType;
  }

  /** Digits, each of them a byte. */
  get sequence(): string {
    return this.#bytes.toString('latin1', this.#sequenceAt, this.#sequenceAt + this.#sequenceLength);
  }

  get partitionKey(): string {
    return this.#bytes.toString('utf8', this.#keyAt, this.#keyAt + this.keyBytes);
  }

  get data(): Buffer {
    return this.#bytes.subarray(this.#dataAt, this.#dataAt + this.dataBytes);
  }

  /** Does the data begin with these bytes? */
  begins(start: readonly number[]): boolean {
    if (this.dataBytes < start.length) return false;
    for (let index = 0; index < start.length; index += 1)
      if (this.#bytes[this.#dataAt + index] !== start[index]) return false;
    return true;
  }
}
