import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import {
  KinesisClient,
  PutRecordsCommand,
  SplitShardCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';

/* feed.ts KINESIS DYNAMODB: what the KCL test does to the stream, from inside its network. A command a line: put PREFIX, split, end (waits for the parent's). */

const [endpoint, table] = process.argv.slice(2);
const options = { region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const kinesis = new KinesisClient({ ...options, endpoint: endpoint! });
const dynamodb = new DynamoDBClient({ ...options, endpoint: table! });
const StreamName = 'orders';
const ShardToSplit = 'shardId-000000000000';

async function obey(line: string): Promise<string> {
  const [command, prefix = ''] = line.split(' ');
  if (command === 'put') {
    const Records = Array.from({ length: 100 }, (_, i) => ({
      PartitionKey: `${prefix}${i}`,
      Data: Buffer.of(i),
    }));
    const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
    return `put ${prefix} failed ${FailedRecordCount}`;
  }
  if (command === 'split') {
    const NewStartingHashKey = `${2n ** 126n}`;
    await kinesis.send(new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey }));
    // What is put next goes to the children.
    await waitUntilStreamExists({ client: kinesis, maxWaitTime: 240, minDelay: 1 }, { StreamName });
    return 'split';
  }
  if (command !== 'end') return `no command ${command}`;
  const Key = { leaseKey: { S: ShardToSplit } };
  for (;;) {
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'kcl-app', Key }));
    if (Item?.['checkpoint']?.S === 'SHARD_END') return 'ended';
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

process.stdin.setEncoding('utf8');
for await (const lines of process.stdin)
  for (const line of String(lines).trim().split('\n')) process.stdout.write(`${await obey(line)}\n`);
