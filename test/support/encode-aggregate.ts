import { hash } from 'node:crypto';
import type { KplRecord } from '../../src/kinesis/kpl/aggregate.ts';

const MAGIC = [0xf3, 0x89, 0x9a, 0xc2];
const VARINT = 0;
const BYTES = 2;

/** One aggregate of `records`, as the KPL writes it. The caller sees to it that it fits into a Kinesis record (1 MiB). */
export function encodeAggregate(records: readonly KplRecord[]): Uint8Array {
  const partitionKeys = [...new Set(records.map((record) => record.partitionKey))];
  const explicitHashKeys = [...new Set(records.flatMap((record) => record.explicitHashKey ?? []))];
  const message = Buffer.concat([
    ...partitionKeys.map((key) => bytesField(1, Buffer.from(key))),
    ...explicitHashKeys.map((key) => bytesField(2, Buffer.from(key))),
    ...records.map(({ partitionKey, explicitHashKey, data }) => {
      const key = numberField(1, partitionKeys.indexOf(partitionKey));
      const hashKey =
        explicitHashKey === undefined ? [] : [numberField(2, explicitHashKeys.indexOf(explicitHashKey))];
      return bytesField(3, Buffer.concat([key, ...hashKey, bytesField(3, data)]));
    }),
  ]);
  return Buffer.concat([Uint8Array.from(MAGIC), message, hash('md5', message, 'buffer')]);
}

function numberField(field: number, value: number): Uint8Array {
  return Uint8Array.from([(field << 3) | VARINT, ...varint(value)]);
}

function bytesField(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([(field << 3) | BYTES, ...varint(content.length)]), content]);
}

/** Seven bits to a byte, the least first. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
}
