import { CreateTableCommand, DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, vi } from 'vitest';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';

/** An on-demand table whose keys, the partition's first, are strings; resolves when it can be used. */
export async function createTable(
  client: DynamoDBClient,
  TableName: string,
  keys: readonly string[],
): Promise<void> {
  const create = new CreateTableCommand({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  });
  // The client tries once, and a busy machine may let that run out of time, with its effect or without.
  await vi.waitFor(async () => {
    const outcome = await client.send(create).catch((error: Error) => error);
    if (outcome instanceof Error && outcome.name !== 'ResourceInUseException') throw outcome;
  }, 300_000);
  await vi.waitFor(async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.TableStatus).toBe('ACTIVE');
  }, 300_000);
}

/** Resolves when the stream can be read. */
export async function createStream(kinesis: MemoryKinesis, name: string, shardCount: number): Promise<void> {
  kinesis.createStream({ name, shardCount });
  await kinesis.whenCreated(name);
}
