import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { createTable } from '../support/local-table.ts';

const aws = { region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

/** Tables on local servers: those named, with the keys of a group's own, and `orders-app`, as KCL leaves it over the stream `orders`. */
export async function makeTables(
  at: { kinesis: string; dynamodb: string },
  ...ours: string[]
): Promise<void> {
  const tables = new DynamoDBClient({ ...aws, endpoint: at.dynamodb });
  const stream = new KinesisClient({ ...aws, endpoint: at.kinesis });
  for (const name of ours) await createTable(tables, name);
  await createTable(tables, 'orders-app', ['leaseKey']);
  const { Shards = [] } = await stream.send(new ListShardsCommand({ StreamName: 'orders' }));
  for (const { ShardId = '', SequenceNumberRange } of Shards) {
    const Item = {
      leaseKey: { S: ShardId },
      checkpoint: { S: SequenceNumberRange?.StartingSequenceNumber ?? '' },
      checkpointSubSequenceNumber: { N: '0' },
      leaseCounter: { N: '12' },
      leaseOwner: { S: 'their-worker' },
      ownerSwitchesSinceCheckpoint: { N: '0' },
    };
    await tables.send(new PutItemCommand({ TableName: 'orders-app', Item }));
  }
  tables.destroy();
  stream.destroy();
}
