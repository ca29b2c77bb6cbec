import type { MemoryKinesis } from '../src/kinesis/memory/stream.ts';
import type { LeaseTable } from '../src/leases/lease-table.ts';
import type { Row } from '../src/leases/row.ts';

/** What for → how many; keys begin with the operation's name. */
export type Counts = ReadonlyMap<string, number>;

export class Counter {
  readonly #counts = new Map<string, number>();

  add(what: string, n = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + n);
  }

  clear(): void {
    this.#counts.clear();
  }

  get(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  per(unit: number): Counts {
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([what, n]) => [what, n / unit]));
  }
}

export function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

/** Causes added up: as a server counts, which cannot know them. */
export function byOperation(counts: Counts): Counts {
  const sums = new Counter();
  for (const [what, n] of counts) sums.add(what.split(' ')[0]!, n);
  return sums.per(1);
}

const OPERATIONS = { put: 'PutItem', update: 'UpdateItem', delete: 'DeleteItem' } as const;

export interface TableCounter {
  requests: Counter;
  bytesRead: Counter;
  /** Calls that are under way; at 0 everything counted here has been counted by the server too. */
  running: () => number;
  /** Calls that failed or were given up: the server may or may not have seen them. */
  failed: () => number;
}

/** Counts the calls of `table` by what they are for, from now on. */
export function countTable(
  table: LeaseTable,
  { requests, bytesRead }: { requests: Counter; bytesRead: Counter },
): TableCounter {
  let running = 0;
  let failed = 0;
  const counted = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    requests.add(what);
    running += 1;
    try {
      return await call();
    } catch (thrown) {
      failed += 1;
      throw thrown;
    } finally {
      running -= 1;
    }
  };
  const query = table.query.bind(table);
  const get = table.get.bind(table);
  const write = table.write.bind(table);
  table.query = async (rows, options) => {
    const what = rows === 'all' ? 'all rows' : 'worker rows';
    const found = await counted(`Query ${what}`, () => query(rows, options));
    bytesRead.add(
      what,
      found.reduce((sum, row) => sum + sizeOf(row), 0),
    );
    return found;
  };
  table.get = (key, options) => counted('GetItem', () => get(key, options));
  table.write = (row, options) => counted(`${OPERATIONS[row.kind]} ${row.name}`, () => write(row, options));
  return { requests, bytesRead, running: () => running, failed: () => failed };
}

export function countStream(stream: MemoryKinesis, requests: Counter): void {
  const call = stream.call.bind(stream);
  stream.call = (operation, ...rest) => {
    requests.add(operation);
    return call(operation, ...rest) as never;
  };
}

/** As DynamoDB sizes an item, less its group id: names and texts by their bytes, a number by its digits. */
export function sizeOf(row: Row): number {
  const size = (value: unknown): number => {
    if (typeof value === 'string') return Buffer.byteLength(value);
    if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
    if (Array.isArray(value)) return 3 + value.reduce((sum: number, each) => sum + 1 + size(each), 0);
    return 3 + entriesSize(value as object) + Object.keys(value as object).length;
  };
  const entriesSize = (object: object): number =>
    Object.entries(object).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + size(value), 0);
  return entriesSize(row);
}
