import type { AttributeValue as WireValue } from '@aws-sdk/client-dynamodb';
import type { AttributeValue, Row } from '../row.ts';

type Item = Record<string, WireValue>;

/** Without a group id: the key of a table of one group. */
export function encodeKey(shardId: string, groupId: string | undefined): Item {
  return { ...(groupId === undefined ? {} : { group_id: { S: groupId } }), shard_id: { S: shardId } };
}

/** Lists become string sets, which DynamoDB refuses when they are empty; maps hold numbers only. */
export function encodeValue(value: AttributeValue): WireValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (Array.isArray(value)) return { SS: [...value] };
  return { M: Object.fromEntries(Object.entries(value).map(([key, n]) => [key, { N: String(n) }])) };
}

/** Attributes of types that no row of ours has are left out; writes do not touch them. */
export function decodeItem(item: Item): Row | undefined {
  if (item['shard_id']?.S === undefined) return undefined;
  const row: Record<string, AttributeValue> = {};
  for (const name in item) {
    const decoded = name === 'group_id' ? undefined : decodeValue(item[name]!);
    if (decoded !== undefined) row[name] = decoded;
  }
  return row as Row;
}

function decodeValue(value: WireValue): AttributeValue | undefined {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.SS !== undefined) return [...value.SS].sort();
  if (value.M === undefined) return undefined;
  const numbers = Object.entries(value.M).filter(([, entry]) => entry.N !== undefined);
  return Object.fromEntries(numbers.map(([key, entry]) => [key, Number(entry.N)]));
}
