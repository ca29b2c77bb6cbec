import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { awsStreamClient } from '../src/kinesis/aws/stream-client.ts';
import { MemoryLeaseTable } from '../src/leases/memory/lease-table.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog } from '../src/lib/log.ts';
import { systemRandom } from '../src/lib/random.ts';
import { Worker } from '../src/runtime/worker.ts';

/*
 * drain-reader.ts <worker|bare> <endpoint> <shards> <records> <batch size>: reads as many records, in a process of its own,
 * and prints what came per second of its own CPU, after a quarter as warm-up.
 */

const [how, endpoint = '', ...numbers] = process.argv.slice(2);
const [shards = 1, records = 0, batchSize = 100] = numbers.map(Number);
const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };

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
      count(answer.Records?.length ?? 0);
    }
  };
  await Promise.all(Array.from({ length: shards }, (_, i) => shard(i)));
}

/** The whole worker: leases, limits, buffers, batches, checkpoints; its handler does nothing. */
async function worker(): Promise<void> {
  const config = {
    groupId: 'bench.orders',
    stream: { name: 'orders' },
    region: 'eu-west-1',
    endpoints: {},
    table: 'checkpoints',
    initialPosition: { type: 'TrimHorizon' },
    maxRecords: 10_000,
    pollIntervalMs: 1_000,
    checkpointIntervalMs: 5_000,
    leaseDurationMs: 15_000,
    handoffTimeoutMs: 30_000,
    maxLeases: 0,
    handler: { type: 'log' },
    batchSize,
    batchWindowMs: 0,
  } as const;
  await new Worker({
    config,
    identity: { worker: 'w', podUid: '', node: '', address: '', revision: 0, restartedAt: 0 },
    table: new MemoryLeaseTable(),
    stream: awsStreamClient({ region: 'eu-west-1', endpoint, streamName: 'orders', credentials, clock }),
    handler: {
      kind: 'log',
      start: async () => {},
      handle: async (batch) => {
        count(batch.records.length);
        return { outcome: 'done' };
      },
      close: async () => {},
    },
    nudge: async () => false,
    clock,
    random: systemRandom,
    log: silentLog,
    onEvent: () => {},
  }).run(new AbortController().signal);
}

await (how === 'bare' ? bare() : worker());
