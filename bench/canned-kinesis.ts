import { createServer } from 'node:http';

/*
 * canned-kinesis.ts <shards> <record bytes>: a Kinesis whose answers are made beforehand, in a process of its own so that
 * its CPU is not counted. Each shard has records without end: an answer is the one page there is, with the sequence
 * numbers written over, so that the machine's other core goes to whom it belongs. With 0 bytes there is never a record.
 * Prints its address.
 */

const [shards = 1, recordBytes = 1_000] = process.argv.slice(2).map(Number);
/** As many as Kinesis returns at most: 10,000 records and 10 MB. */
const RECORDS_PER_READ = recordBytes === 0 ? 0 : Math.min(10_000, Math.floor(10_000_000 / recordBytes));
const DATA = Buffer.alloc(recordBytes, 'kcg').toString('base64');
/** Sequence numbers have 56 digits, as the service's; these are the ones that count. */
const DIGITS = 12;
const shardId = (index: number) => `shardId-${String(index).padStart(12, '0')}`;

/** The records of a page as JSON, and where in it each sequence number's last digits begin. */
const page = (() => {
  const [head = '', tail = ''] = JSON.stringify({
    ApproximateArrivalTimestamp: 1_700_000_000.123,
    Data: DATA,
    PartitionKey: 'customer-1234',
    SequenceNumber: `4957${'0'.repeat(40)}#`,
  }).split('#');
  const record = `${head}${'0'.repeat(DIGITS)}${tail}`;
  const json = Buffer.from(Array(RECORDS_PER_READ).fill(record).join(','), 'latin1');
  const at = (index: number) => index * (record.length + 1) + head.length;
  return { json, at };
})();

function getRecords({ ShardIterator = '' }: Record<string, string>): Buffer {
  const [shard, from] = ShardIterator.split(':');
  const first = Number(from);
  const NextShardIterator = `${shard}:${first + RECORDS_PER_READ}`;
  const rest = JSON.stringify({
    NextShardIterator,
    MillisBehindLatest: recordBytes === 0 ? 0 : 60_000,
  }).slice(1);
  const body = Buffer.concat([Buffer.from('{"Records":['), page.json, Buffer.from(`],${rest}`)]);
  const start = '{"Records":['.length;
  for (let i = 0; i < RECORDS_PER_READ; i += 1) {
    body.write(String(first + i + 1).padStart(DIGITS, '0'), start + page.at(i), 'latin1');
  }
  return body;
}

const json = (content: unknown) => Buffer.from(JSON.stringify(content));
const operations: Record<string, (input: Record<string, string>) => Buffer> = {
  DescribeStreamSummary: () =>
    json({
      StreamDescriptionSummary: {
        StreamName: 'orders',
        StreamARN: 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders',
        StreamStatus: 'ACTIVE',
        StreamCreationTimestamp: 1_700_000_000,
        RetentionPeriodHours: 24,
        OpenShardCount: shards,
      },
    }),
  ListShards: () =>
    json({
      Shards: Array.from({ length: shards }, (_, i) => ({
        ShardId: shardId(i),
        HashKeyRange: { StartingHashKey: String(i), EndingHashKey: String(i) },
        SequenceNumberRange: { StartingSequenceNumber: '1' },
      })),
    }),
  GetShardIterator: ({ ShardId }) => json({ ShardIterator: `${ShardId}:0` }),
  GetRecords: getRecords,
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    const body = operations[operation]?.(input) ?? Buffer.alloc(0);
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': body.length,
    });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
process.stdin.on('end', () => process.exit()).resume();
