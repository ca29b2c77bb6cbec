import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { credentials, readingWorker } from './reading-worker.ts';

/*
 * drain-reader.ts <worker|bare> <endpoint> <shards> <records> <user records> <batch size>: reads as many records, in a process of its own,
 * and prints what came per second of its own CPU, after a quarter as warm-up.
 */

const [how, endpoint = '', ...numbers] = process.argv.slice(2);
const [shards = 1, records = 0, userRecords = 1, batchSize = 100] = numbers.map(Number);

let seen = 0;
let warm: { seen: number; cpu: NodeJS.CpuUsage; atMs: number } | undefined;
function count(n: number): void {
  seen += n;
  if (seen >= records / 4) warm ??= { seen, cpu: process.cpuUsage(), atMs: performance.now() };
  if (seen < records || !warm) return;
  const { user, system } = process.cpuUsage(warm.cpu);
  const perCpuSecond = (seen - warm.seen) / ((user + system) / 1e6);
  const perSecond = ((seen - warm.seen) / (performance.now() - warm.atMs)) * 1e3;
  const megabytes = process.resourceUsage().maxRSS / 1e3;
  console.log(JSON.stringify({ perCpuSecond, perSecond, megabytes }));
  process.exit();
}

/** What anybody would write first: one loop per shard with the SDK's command. */
async function bare(): Promise<void> {
  const client = new KinesisClient({
    region: 'eu-west-1',
    endpoint,
    credentials,
    requestHandler: new NodeHttpHandler({}),
  });
  const shard = async (index: number) => {
    const ShardId = `shardId-${String(index).padStart(12, '0')}`;
    const at = { StreamName: 'orders', ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const;
    let { ShardIterator } = await client.send(new GetShardIteratorCommand(at));
    for (;;) {
      const answer = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }));
      ShardIterator = answer.NextShardIterator;
      // What is in an aggregate it leaves to others to find out.
      count((answer.Records?.length ?? 0) * userRecords);
    }
  };
  await Promise.all(Array.from({ length: shards }, (_, i) => shard(i)));
}

await (how === 'bare' ? bare() : readingWorker(endpoint, batchSize, count));
