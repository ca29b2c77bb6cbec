import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ForeignRow, ForeignValue } from '../foreign-store.ts';

/** Binary attributes are left out: no program keeps a position in one. */
export function decodeAttributes(item: Record<string, AttributeValue>): ForeignRow {
  const row: Record<string, ForeignValue> = {};
  for (const [name, value] of Object.entries(item)) {
    const decoded = decode(value);
    if (decoded !== undefined) row[name] = decoded;
  }
  return row;
}

function decode(value: AttributeValue): ForeignValue | undefined {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return decodeNumber(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  if (value.SS !== undefined) return value.SS.toSorted();
  if (value.NS !== undefined) return value.NS.map(decodeNumber);
  if (value.L !== undefined) return value.L.flatMap((entry) => decode(entry) ?? []);
  return value.M === undefined ? undefined : decodeAttributes(value.M);
}

/** Whole numbers that a double cannot hold stay text, so that no digit is lost. */
function decodeNumber(written: string): string | number {
  const value = Number(written);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? written : value;
}
