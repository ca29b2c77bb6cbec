import { CreateTableCommand, DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, vi } from 'vitest';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';

/** An on-demand table whose keys, the partition's first, are strings; resolves when it can be used. */
export async function createTable(
  client: DynamoDBClient,
  TableName: string,
  keys: readonly string[],
): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
  await vi.waitFor(async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.TableStatus).toBe('ACTIVE');
  }, 300_000);
}

/** Resolves when the stream can be read. */
export async function createStream(kinesis: MemoryKinesis, name: string, shardCount: number): Promise<void> {
  kinesis.createStream({ name, shardCount });
  await vi.waitFor(() => expect(kinesis.describe(name).status).toBe('ACTIVE'), 300_000);
}
