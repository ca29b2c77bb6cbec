import type { Answer, Json } from './backend.ts';

type Item = Record<string, { S?: string; N?: string }>;

/** An item that has been expired for longer than this is kept: DynamoDB's guard against wrong units. */
const TOO_LONG_AGO_SECONDS = 5 * 365 * 86_400;

export interface TtlTable {
  name: string;
  /** Says when an item expires, in seconds since the epoch. */
  attribute: string;
}

/** Deletes what has expired in one table, as DynamoDB does some time after the fact. Returns how many. */
export async function deleteExpired(
  call: (operation: string, input: Json) => Promise<Answer>,
  { name: TableName, attribute }: TtlTable,
  nowMs: number,
): Promise<number> {
  const nowSeconds = Math.floor(nowMs / 1000);
  const { body } = await call('DescribeTable', { TableName });
  const keys = (body['Table'] as { KeySchema?: { AttributeName: string }[] } | undefined)?.KeySchema ?? [];
  if (keys.length === 0) return 0;
  let deleted = 0;
  let ExclusiveStartKey: unknown;
  do {
    const page = await call('Scan', { TableName, ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}) });
    for (const item of (page.body['Items'] ?? []) as Item[]) {
      const expiresAt = Number(item[attribute]?.N ?? Number.NaN);
      if (!(expiresAt < nowSeconds && expiresAt > nowSeconds - TOO_LONG_AGO_SECONDS)) continue;
      const Key = Object.fromEntries(keys.map(({ AttributeName }) => [AttributeName, item[AttributeName]]));
      const { status } = await call('DeleteItem', {
        TableName,
        Key,
        // Somebody may have renewed it in the meantime.
        ConditionExpression: '#ttl = :seen',
        ExpressionAttributeNames: { '#ttl': attribute },
        ExpressionAttributeValues: { ':seen': item[attribute] },
      });
      if (status === 200) deleted += 1;
    }
    ExclusiveStartKey = page.body['LastEvaluatedKey'];
  } while (ExclusiveStartKey);
  return deleted;
}
