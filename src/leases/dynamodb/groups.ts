import { ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { callsOf, type LeaseTableOptions } from './lease-table.ts';

/** Sorts after every row of a group. */
const LAST_KEY = '\u{10ffff}';

/**
 * The ids of the groups in a table with the native key, sorted; at most `limit` of them. It reads one row per group: each
 * Scan goes on behind the last row that the group it found could have.
 */
export async function listGroupIds(
  options: Omit<LeaseTableOptions, 'groupId'>,
  {
    limit,
    consistent = false,
    signal,
  }: { limit: number; consistent?: boolean; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const { client, tableName: TableName } = options;
  const call = callsOf(options);
  const found = new Set<string>();
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = new ScanCommand({
      TableName,
      Limit: 1,
      ConsistentRead: consistent,
      ExclusiveStartKey: from,
    });
    const { Items = [], LastEvaluatedKey } = await call('Scan', signal, (abortSignal) =>
      client.send(page, { abortSignal }),
    );
    for (const item of Items) if (item['group_id']?.S !== undefined) found.add(item['group_id'].S);
    const group = LastEvaluatedKey?.['group_id'];
    from = group && { group_id: group, shard_id: { S: LAST_KEY } };
  } while (from && found.size < limit);
  return [...found].sort();
}
