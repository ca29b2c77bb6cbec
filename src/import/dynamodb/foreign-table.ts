import { DescribeTableCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { callsOf, type LeaseTableOptions } from '../../leases/dynamodb/lease-table.ts';
import type { ForeignRow, ForeignRows, ForeignStore } from '../foreign-store.ts';
import { decodeAttributes } from './attributes.ts';

export type ForeignTableOptions = Omit<LeaseTableOptions, 'groupId' | 'beatClient'>;

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
    const rows: ForeignRow[] = [];
    let from: Record<string, AttributeValue> | undefined;
    do {
      const scan = new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey: from });
      const page = await call('Scan', signal, (abortSignal) => client.send(scan, { abortSignal }));
      for (const item of page.Items ?? []) rows.push(decodeAttributes(item));
      from = page.LastEvaluatedKey;
    } while (from);
    const key = { hash: named('HASH') ?? '', ...(range === undefined ? {} : { range }) };
    return { source: `table ${TableName}`, key, rows };
  }

  close(): void {}
}
