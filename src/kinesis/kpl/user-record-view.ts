import type { UserRecord } from '../record.ts';
import type { Aggregate } from './aggregate.ts';

/** What the user records of an aggregate have in common. */
export interface Outer extends Pick<UserRecord, 'sequence' | 'arrivedAt' | 'encryptionType'> {
  parts: Aggregate;
}

/** A user record that is read where it lies in its aggregate when it is asked. */
export class UserRecordView implements UserRecord {
  readonly subSequence: number;
  readonly #outer: Outer;

  constructor(outer: Outer, subSequence: number) {
    this.subSequence = subSequence;
    this.#outer = outer;
  }

  get sequence(): string {
    return this.#outer.sequence;
  }

  get arrivedAt(): number {
    return this.#outer.arrivedAt;
  }

  get encryptionType(): UserRecord['encryptionType'] {
    return this.#outer.encryptionType;
  }

  get partitionKey(): string {
    return this.#outer.parts.partitionKey(this.subSequence);
  }

  get explicitHashKey(): string | undefined {
    return this.#outer.parts.explicitHashKey(this.subSequence);
  }

  get data(): Uint8Array {
    return this.#outer.parts.data(this.subSequence);
  }

  get dataBytes(): number {
    return this.#outer.parts.dataBytes(this.subSequence);
  }
}
