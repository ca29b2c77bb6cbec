import { KcgError } from '../../lib/errors.ts';

/** The name of the stream with an ARN; throws when it is not here. */
export type NameOf = (arn: string) => string;

/** Reads one request's members as the service validates them. Every method throws `InvalidInput` worded like AWS. */
export class KinesisInput {
  readonly #members: Record<string, unknown>;
  readonly #nameOf: NameOf;

  /** Only the whole request names a stream, and needs `nameOf`. */
  constructor(members: unknown, nameOf: NameOf = noStream) {
    if (typeof members !== 'object' || members === null || Array.isArray(members)) {
      throw new KcgError('InvalidInput', 'The request body is not an object.');
    }
    this.#members = members as Record<string, unknown>;
    this.#nameOf = nameOf;
  }

  has(name: string): boolean {
    return this.#members[name] !== undefined && this.#members[name] !== null;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw constraint(name, value, 'Member must not be null');
    return value;
  }

  optionalText(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#members[name];
    if (typeof value !== 'string') throw wrongType(name, 'String');
    return value;
  }

  /** False when it is not there. */
  flag(name: string): boolean {
    const value = this.#members[name] ?? false;
    if (typeof value !== 'boolean') throw wrongType(name, 'Boolean');
    return value;
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.text(name);
    const choice = choices.find((candidate) => candidate === value);
    if (choice === undefined)
      throw constraint(name, value, `Member must satisfy enum value set: [${choices.join(', ')}]`);
    return choice;
  }

  integer(name: string, min: number, max: number): number {
    const value = this.optionalInteger(name, min, max);
    if (value === undefined) throw constraint(name, value, 'Member must not be null');
    return value;
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#members[name];
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'Integer');
    if (value < min) throw constraint(name, value, `Member must have value greater than or equal to ${min}`);
    if (value > max) throw constraint(name, value, `Member must have value less than or equal to ${max}`);
    return value;
  }

  /** Ms since the epoch; seconds on the wire. */
  time(name: string): number {
    const value = this.#members[name];
    if (value instanceof Date) return value.getTime();
    if (typeof value === 'number') return Math.round(value * 1000);
    if (typeof value === 'string' && !Number.isNaN(Date.parse(value))) return Date.parse(value);
    throw value === undefined
      ? constraint(name, undefined, 'Member must not be null')
      : wrongType(name, 'Timestamp');
  }

  /** Base64 in JSON, bytes in CBOR. */
  blob(name: string): Uint8Array {
    const value = this.#members[name];
    if (value instanceof Uint8Array) return value;
    if (typeof value === 'string') return Buffer.from(value, 'base64');
    throw value === undefined
      ? constraint(name, undefined, 'Member must not be null')
      : wrongType(name, 'Blob');
  }

  object(name: string): KinesisInput {
    if (!this.has(name)) throw constraint(name, undefined, 'Member must not be null');
    return new KinesisInput(this.#members[name]);
  }

  optionalObject(name: string): KinesisInput | undefined {
    return this.has(name) ? this.object(name) : undefined;
  }

  list(name: string): unknown[] {
    const value = this.#members[name];
    if (!Array.isArray(value)) throw wrongType(name, 'List');
    return value;
  }

  texts(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== 'string') throw wrongType(name, 'String');
      return value;
    });
  }

  textMap(name: string): Record<string, string> {
    const map = this.object(name);
    return Object.fromEntries(Object.keys(map.#members).map((key) => [key, map.text(key)]));
  }

  /** The name of the stream with an ARN. */
  nameOf(arn: string): string {
    return this.#nameOf(arn);
  }

  /** A stream is named by name or by ARN. */
  streamName(): string {
    const name = this.optionalText('StreamName');
    const arn = this.optionalText('StreamARN') ?? this.optionalText('ResourceARN');
    const fromArn = arn === undefined ? undefined : this.#nameOf(arn);
    if (name !== undefined && fromArn !== undefined && name !== fromArn) {
      throw new KcgError(
        'InvalidInput',
        `StreamName ${name} and StreamARN ${arn} do not name the same stream.`,
      );
    }
    const found = name ?? fromArn;
    if (found === undefined)
      throw new KcgError('InvalidInput', 'Either StreamName or StreamARN should be provided.');
    return found;
  }
}

function noStream(arn: string): never {
  throw new KcgError('Internal', `${arn} in a part of a request that names no stream`);
}

function constraint(name: string, value: string | number | undefined, rule: string): KcgError {
  const member = name.charAt(0).toLowerCase() + name.slice(1);
  const shown = value === undefined ? 'null' : `'${String(value)}'`;
  return new KcgError(
    'InvalidInput',
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: ${rule}`,
  );
}

function wrongType(name: string, type: string): KcgError {
  return new KcgError('InvalidInput', `1 validation error detected: Value at '${name}' is not a ${type}`);
}
