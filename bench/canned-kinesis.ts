import { createServer } from 'node:http';
import { decodeCbor, encodeCbor } from '../src/dev/kinesis/cbor.ts';
import { evenRanges } from '../src/kinesis/hash-key.ts';
import { encodeAggregate } from '../test/support/encode-aggregate.ts';

/*
 * canned-kinesis.ts <shards> <record bytes> <user records>: a Kinesis whose answers are made beforehand, in a process of its own so that
 * its CPU is not counted. Each shard has records without end: an answer is the one page there is, with the sequence
 * numbers written over, so that the machine's other core goes to whom it belongs. With 0 bytes there is never a record.
 * With more than one user record, each record is a KPL aggregate of as many. Prints its port.
 */

const [shards = 1, recordBytes = 1_000, userRecords = 1] = process.argv.slice(2).map(Number);
const userData = Buffer.alloc(recordBytes, 'kcg');
const DATA = userRecords > 1 ? Buffer.from(encodeAggregate(aggregated(userRecords))) : userData;
/** As many as Kinesis returns at most: 10,000 records and 10 MB. */
const RECORDS_PER_READ = recordBytes === 0 ? 0 : Math.min(10_000, Math.floor(10_000_000 / DATA.length));
/** Sequence numbers have 56 digits, as the service's; these are the ones that count. */
const DIGITS = 12;
const CBOR = 'application/x-amz-cbor-1.1';
const shardId = (index: number) => `shardId-${String(index).padStart(12, '0')}`;

/** What of a request counts. */
interface Input {
  ShardIterator?: string;
  ShardId?: string;
  Limit?: number;
}

/** A few keys, as the records of an aggregate mostly have. */
function aggregated(count: number) {
  return Array.from({ length: count }, (_, i) => ({ partitionKey: `customer-${i % 50}`, data: userData }));
}

/** A page of records, and where in it each sequence number's last digits begin. */
interface Page {
  first: (records: number) => Buffer;
  at: (index: number) => number;
}

function pageOf(record: Buffer, separator: string): Page {
  const between = Buffer.from(separator);
  const digitsAt = record.indexOf('#'.repeat(DIGITS));
  const whole = Buffer.concat([record, between]);
  whole.fill('0', digitsAt, digitsAt + DIGITS);
  const all = Buffer.concat(Array<Buffer>(RECORDS_PER_READ).fill(whole));
  return {
    first: (records) => all.subarray(0, Math.max(0, records * whole.length - between.length)),
    at: (index) => index * whole.length + digitsAt,
  };
}

const SEQUENCE = `4957${'0'.repeat(40)}${'#'.repeat(DIGITS)}`;
const ARRIVED_AT = 1_700_000_000_123;
const PARTITION_KEY = 'customer-1234';

const jsonPage = pageOf(
  Buffer.from(
    JSON.stringify({
      ApproximateArrivalTimestamp: ARRIVED_AT / 1000,
      Data: DATA.toString('base64'),
      PartitionKey: PARTITION_KEY,
      SequenceNumber: SEQUENCE,
    }),
  ),
  ',',
);
/** Maps and lists go on until a break, as the service's. */
const [MAP, LIST, BREAK] = [Buffer.of(0xbf), Buffer.of(0x9f), Buffer.of(0xff)];
const cborPage = pageOf(
  Buffer.concat([
    MAP,
    encodeCbor('ApproximateArrivalTimestamp'),
    encodeCbor(new Date(ARRIVED_AT)),
    encodeCbor('Data'),
    encodeCbor(DATA),
    encodeCbor('PartitionKey'),
    encodeCbor(PARTITION_KEY),
    encodeCbor('SequenceNumber'),
    encodeCbor(SEQUENCE),
    BREAK,
  ]),
  '',
);

function getRecords({ ShardIterator = '', Limit }: Input, isCbor: boolean): Buffer {
  const [shard, from] = ShardIterator.split(':');
  const first = Number(from);
  const count = Math.min(RECORDS_PER_READ, Limit ?? RECORDS_PER_READ);
  const NextShardIterator = `${shard}:${first + count}`;
  const rest = { NextShardIterator, MillisBehindLatest: recordBytes === 0 ? 0 : 60_000 };
  const [page, start, end] = isCbor
    ? [
        cborPage,
        Buffer.concat([MAP, encodeCbor('Records'), LIST]),
        Buffer.concat([BREAK, ...Object.entries(rest).flat().map(encodeCbor), BREAK]),
      ]
    : [jsonPage, Buffer.from('{"Records":['), Buffer.from(`],${JSON.stringify(rest).slice(1)}`)];
  const body = Buffer.concat([start, page.first(count), end]);
  for (let i = 0; i < count; i += 1) {
    body.write(String(first + i + 1).padStart(DIGITS, '0'), start.length + page.at(i), 'latin1');
  }
  return body;
}

const written = (content: unknown, isCbor: boolean) =>
  isCbor ? Buffer.from(encodeCbor(content)) : Buffer.from(JSON.stringify(content));
const RANGES = evenRanges(shards);
const operations: Record<string, (input: Input, isCbor: boolean) => Buffer> = {
  DescribeStreamSummary: (_, isCbor) =>
    written(
      {
        StreamDescriptionSummary: {
          StreamName: 'orders',
          StreamARN: 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders',
          StreamStatus: 'ACTIVE',
          StreamCreationTimestamp: isCbor ? new Date(ARRIVED_AT) : ARRIVED_AT / 1000,
          RetentionPeriodHours: 24,
          OpenShardCount: shards,
        },
      },
      isCbor,
    ),
  ListShards: (_, isCbor) =>
    written(
      {
        Shards: RANGES.map(({ start, end }, i) => ({
          ShardId: shardId(i),
          HashKeyRange: { StartingHashKey: String(start), EndingHashKey: String(end) },
          SequenceNumberRange: { StartingSequenceNumber: '1' },
        })),
      },
      isCbor,
    ),
  GetShardIterator: ({ ShardId }, isCbor) => written({ ShardIterator: `${ShardId}:0` }, isCbor),
  GetRecords: getRecords,
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const content = Buffer.concat(chunks);
    const isCbor = request.headers['content-type'] === CBOR;
    const input = (isCbor ? decodeCbor(content) : JSON.parse(content.toString())) as Input;
    const body = operations[operation]?.(input, isCbor) ?? Buffer.alloc(0);
    response.writeHead(200, {
      'content-type': isCbor ? CBOR : 'application/x-amz-json-1.1',
      'content-length': body.length,
    });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
process.stdin.on('end', () => process.exit()).resume();
