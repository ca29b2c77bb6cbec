import { CreateTableCommand, DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { until } from './until.ts';

/** An on-demand table whose keys, the partition's first, are strings; resolves when it can be used. */
export async function createTable(
  client: DynamoDBClient,
  TableName: string,
  keys: readonly string[] = ['group_id', 'shard_id'],
): Promise<void> {
  const create = new CreateTableCommand({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  });
  let said = 'nothing';
  const look = async () => {
    // The client tries once, and a busy machine may let that run out of time, with its effect or without.
    try {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      said = Table?.TableStatus ?? '';
    } catch (thrown) {
      said = String(thrown);
      if (thrown instanceof Error && thrown.name === 'ResourceNotFoundException')
        await client.send(create).catch((refusal: unknown) => (said = String(refusal)));
    }
    return said === 'ACTIVE';
  };
  await until(`table ${TableName}`, look, undefined, () => said);
}

/** Resolves when the stream can be read. */
export async function createStream(kinesis: MemoryKinesis, name: string, shardCount: number): Promise<void> {
  kinesis.createStream({ name, shardCount });
  await kinesis.whenCreated(name);
}
