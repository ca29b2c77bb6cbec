import { DescribeTableCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { callsOf, type LeaseTableOptions } from '../../leases/dynamodb/lease-table.ts';
import { KcgError } from '../../lib/errors.ts';
import { programOfKey } from '../programs/row.ts';
import type { ForeignRow, ForeignRows, ForeignStore } from '../foreign-store.ts';
import { decodeAttributes } from './attributes.ts';

export type ForeignTableOptions = Omit<LeaseTableOptions, 'groupId' | 'beatClient'>;

/** Of up to 1 MB: 10,000 shards need four. */
const MOST_PAGES = 100;

/** Another consumer's table. It sends DescribeTable and Scan, and nothing else; `client` stays the caller's. */
export class ForeignTable implements ForeignStore {
  readonly #options: ForeignTableOptions;

  constructor(options: ForeignTableOptions) {
    this.#options = options;
  }

  async read({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ForeignRows> {
    const { client, tableName: TableName } = this.#options;
    const call = callsOf(this.#options);
    const { Table } = await call('DescribeTable', signal, (abortSignal) =>
      client.send(new DescribeTableCommand({ TableName }), { abortSignal }),
    );
    const named = (type: string) => Table?.KeySchema?.find(({ KeyType }) => KeyType === type)?.AttributeName;
    const range = named('RANGE');
    const key = { hash: named('HASH') ?? '', ...(range === undefined ? {} : { range }) };
    const source = `table ${TableName}`;
    const rows: ForeignRow[] = [];
    // Its reader refuses it by its key, whatever is in it: that may be much, and somebody's.
    if (programOfKey(key) === undefined) return { source, key, rows };
    let from: Record<string, AttributeValue> | undefined;
    let pages = 0;
    do {
      if ((pages += 1) > MOST_PAGES) throw tooLarge(source);
      const scan = new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey: from });
      const page = await call('Scan', signal, (abortSignal) => client.send(scan, { abortSignal }));
      for (const item of page.Items ?? []) rows.push(decodeAttributes(item));
      from = page.LastEvaluatedKey;
    } while (from);
    return { source, key, rows };
  }

  close(): void {}
}

function tooLarge(source: string): KcgError {
  return new KcgError(
    'InvalidInput',
    `${source} has more than ${MOST_PAGES} MB: it holds more than positions`,
    {
      resource: source,
      fix: 'Name the table of positions, or copy their rows into one of their own.',
    },
  );
}
