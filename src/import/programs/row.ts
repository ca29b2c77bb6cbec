import type {
  ForeignPoint,
  ForeignPosition,
  ForeignRow,
  ForeignRows,
  ForeignValue,
} from '../foreign-store.ts';

/* What the readers of all programs need of a row. */

/** Undefined when it is absent, empty, or of another type. */
export function text(row: ForeignRow, attribute: string): string | undefined {
  const value = row[attribute];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Undefined when it is absent or no number; a copy of a table may have numbers as text. */
export function number(row: ForeignRow, attribute: string): number | undefined {
  const value = row[attribute];
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return typeof value === 'number' ? value : undefined;
}

/** Of a set, a list, or a single text; empty otherwise. Empty texts are left out. */
export function texts(row: ForeignRow, attribute: string): string[] {
  const value: ForeignValue | undefined = row[attribute];
  return (Array.isArray(value) ? value : [value]).filter(
    (entry): entry is string => typeof entry === 'string' && entry !== '',
  );
}

/** Attributes in one text that changes when one of them does. */
export function fingerprint(row: ForeignRow, attributes: readonly string[]): string {
  return JSON.stringify(attributes.map((attribute) => row[attribute] ?? null));
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Ms since the epoch of RFC 3339, in any zone, with any number of decimals; undefined for all else, which `Date` may guess at. */
export function instant(written: string | undefined): number | undefined {
  const ms = written === undefined || !RFC_3339.test(written) ? NaN : Date.parse(written);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A position as most programs write it; undefined = it is none that they write. */
export function pointOf(value: ForeignValue | undefined): ForeignPoint | undefined {
  if (value === undefined || value === null || value === '') return { at: 'NONE' };
  // Digits of it may be lost.
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined;
  const written = typeof value === 'number' ? String(value) : value;
  if (typeof written !== 'string') return undefined;
  if (/^\d{1,128}$/.test(written)) return { at: 'SEQUENCE', sequence: written.replace(/^0+(?=\d)/, '') };
  switch (written) {
    case 'SHARD_END':
    case 'TRIM_HORIZON':
    case 'LATEST':
    case 'AT_TIMESTAMP':
      return { at: written };
    default:
      return undefined;
  }
}

/** Who holds a shard, by this field of its row, and until when: the programs that write `LeaseTimeout`. */
export function timedLease(
  row: ForeignRow,
  ownerField: string,
): Pick<ForeignPosition, 'owner' | 'leasedUntilMs'> {
  const owner = text(row, ownerField);
  const leasedUntilMs = instant(text(row, 'LeaseTimeout'));
  return {
    ...(owner === undefined ? {} : { owner }),
    ...(leasedUntilMs === undefined ? {} : { leasedUntilMs }),
  };
}

export const SHARD_ID = /^shardId-\d+$/;

/** Why this row cannot be the program's, which has one of these attributes in each; undefined when it can. */
export function wrongRow(
  row: ForeignRow,
  { name, attributes, source }: { name: string; attributes: readonly string[]; source: string },
): string | undefined {
  if (attributes.some((attribute) => row[attribute] !== undefined)) return undefined;
  return `${source}: the row ${name} has no ${attributes.join(' or ')}: another program has written it`;
}

/** Why these rows cannot be the program's, from the table's key; undefined when they can. */
export function wrongKey({ source, key }: ForeignRows, hash: string, range?: string): string | undefined {
  if (key !== undefined && key.hash === hash && key.range === range) return undefined;
  if (key === undefined) return `${source} is no DynamoDB table`;
  const found = programOfKey(key);
  const whose = found === undefined ? 'of no program that is known here' : `${found}'s`;
  return `${source} has the key ${named(key)}, which is ${whose}; expected ${named(hash, range)}`;
}

/** Whose table has such a key; undefined = nobody's that is known. */
export function programOfKey(key: { hash: string; range?: string }): string | undefined {
  return {
    leaseKey: 'kcl',
    shard_id: 'async-kinesis',
    ShardID: 'vmware-go-kcl',
    'StreamID and ShardID': 'redpanda-connect',
    'namespace and shard_id': 'harlow',
    'group_id and shard_id': 'kcg',
    // Beside the leases, in KCL 3.0 to 3.4.
    key: 'the coordinator state of kcl, not its lease',
    wid: 'the measurements of kcl, not its lease',
  }[named(key)];
}

function named(key: string | { hash: string; range?: string }, range?: string): string {
  if (typeof key !== 'string') return named(key.hash, key.range);
  return range === undefined ? key : `${key} and ${range}`;
}
