import { createServer } from 'node:http';

/*
 * canned-kinesis.ts <shards> <record bytes>: a Kinesis that makes its records up, as fast as they are asked for, in a
 * process of its own so that its CPU is not counted. Each shard has records without end. Prints its address.
 */

const [shards = 1, recordBytes = 1_000] = process.argv.slice(2).map(Number);
/** As many as Kinesis returns at most: 10,000 records and 10 MB. */
const RECORDS_PER_READ = Math.min(10_000, Math.floor(10_000_000 / recordBytes));
const DATA = Buffer.alloc(recordBytes, 'kcg').toString('base64');
const shardId = (index: number) => `shardId-${String(index).padStart(12, '0')}`;

const operations: Record<string, (input: Record<string, string>) => unknown> = {
  DescribeStreamSummary: () => ({
    StreamDescriptionSummary: {
      StreamName: 'orders',
      StreamARN: 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders',
      StreamStatus: 'ACTIVE',
      StreamCreationTimestamp: 1_700_000_000,
      RetentionPeriodHours: 24,
      OpenShardCount: shards,
    },
  }),
  ListShards: () => ({
    Shards: Array.from({ length: shards }, (_, i) => ({
      ShardId: shardId(i),
      HashKeyRange: { StartingHashKey: String(i), EndingHashKey: String(i) },
      SequenceNumberRange: { StartingSequenceNumber: '1' },
    })),
  }),
  GetShardIterator: ({ ShardId }) => ({ ShardIterator: `${ShardId}:0` }),
  GetRecords: ({ ShardIterator = '' }) => {
    const [shard, from] = ShardIterator.split(':');
    const first = Number(from);
    return {
      Records: Array.from({ length: RECORDS_PER_READ }, (_, i) => ({
        ApproximateArrivalTimestamp: 1_700_000_000.123,
        Data: DATA,
        PartitionKey: 'customer-1234',
        SequenceNumber: `4957${String(first + i + 1).padStart(52, '0')}`,
      })),
      NextShardIterator: `${shard}:${first + RECORDS_PER_READ}`,
      MillisBehindLatest: 60_000,
    };
  },
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(operations[operation]?.(input)));
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
process.stdin.on('end', () => process.exit()).resume();
