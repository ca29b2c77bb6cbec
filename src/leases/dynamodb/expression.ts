import type { AttributeValue as WireValue } from '@aws-sdk/client-dynamodb';
import { encodeValue } from './item.ts';
import type { AttributeValue } from '../row.ts';
import type { Condition, RowWrite } from '../row-write.ts';

interface Expressions {
  condition: Record<string, unknown>;
  /** Update only. */
  update: { UpdateExpression?: string };
  /** Put only. */
  item: Record<string, WireValue>;
}

/** A conditional write as DynamoDB's expressions; every attribute goes by a placeholder, as many names are reserved. */
export function compileWrite(write: RowWrite): Expressions {
  const names = new Placeholders<string>('#');
  const values = new Placeholders<WireValue>(':');
  const nameOf = (attribute: string) => names.of(attribute, attribute);
  const valueOf = (value: AttributeValue) => values.of(JSON.stringify(value), encodeValue(value));

  const conditions = write.when.map((condition) => compileCondition(condition, nameOf, valueOf));
  const update: string[] = [];
  if (write.kind === 'update') {
    const entries = Object.entries(write.set ?? {});
    const emptied = entries.filter(([, value]) => isEmptySet(value)).map(([name]) => name);
    const gone = new Set([...(write.remove ?? []), ...emptied]);
    const set = entries
      .filter(([name]) => !gone.has(name))
      .map(([name, value]) => `${nameOf(name)} = ${valueOf(value)}`);
    const removed = [...gone].map(nameOf);
    const added = Object.entries(write.add ?? {}).map(([name, delta]) => `${nameOf(name)} ${valueOf(delta)}`);
    if (set.length > 0) update.push(`SET ${set.join(', ')}`);
    if (removed.length > 0) update.push(`REMOVE ${removed.join(', ')}`);
    if (added.length > 0) update.push(`ADD ${added.join(', ')}`);
  }
  const item = Object.entries((write.kind === 'put' && write.set) || {});
  return {
    condition: {
      ...(conditions.length > 0 ? { ConditionExpression: conditions.join(' AND ') } : {}),
      ...(names.size > 0 ? { ExpressionAttributeNames: names.entries() } : {}),
      ...(values.size > 0 ? { ExpressionAttributeValues: values.entries() } : {}),
    },
    update: update.length > 0 ? { UpdateExpression: update.join(' ') } : {},
    item: Object.fromEntries(
      item.filter(([, value]) => !isEmptySet(value)).map(([name, value]) => [name, encodeValue(value)]),
    ),
  };
}

function compileCondition(
  condition: Condition,
  nameOf: (attribute: string) => string,
  valueOf: (value: AttributeValue) => string,
): string {
  const name = nameOf(condition.attribute);
  switch (condition.is) {
    case 'equal':
      return `${name} = ${valueOf(condition.value)}`;
    case 'not equal':
      return `${name} <> ${valueOf(condition.value)}`;
    // Other programs say "none" with a NULL (async-kinesis does, for the owner of a released shard).
    case 'absent':
      return `(attribute_not_exists(${name}) OR attribute_type(${name}, ${valueOf('NULL')}))`;
    case 'present':
      return `(attribute_exists(${name}) AND NOT attribute_type(${name}, ${valueOf('NULL')}))`;
  }
}

/** DynamoDB has no empty sets: such an attribute is absent, and reads as empty. */
function isEmptySet(value: AttributeValue): boolean {
  return Array.isArray(value) && value.length === 0;
}

class Placeholders<V> {
  readonly #sign: string;
  readonly #byKey = new Map<string, { placeholder: string; value: V }>();

  constructor(sign: string) {
    this.#sign = sign;
  }

  get size(): number {
    return this.#byKey.size;
  }

  of(key: string, value: V): string {
    const known = this.#byKey.get(key);
    if (known) return known.placeholder;
    const placeholder = `${this.#sign}${this.#byKey.size}`;
    this.#byKey.set(key, { placeholder, value });
    return placeholder;
  }

  entries(): Record<string, V> {
    return Object.fromEntries(
      [...this.#byKey.values()].map(({ placeholder, value }) => [placeholder, value]),
    );
  }
}
