import { subscribe } from 'node:diagnostics_channel';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { systemClock as clock } from '../src/lib/clock.ts';
import { credentials, readingWorker } from './reading-worker.ts';

/*
 * idle-reader.ts <worker|bare> <endpoint> <shards> <seconds>: polls shards without records once a second each, in a process
 * of its own, and prints the cores it takes for that, after some seconds as warm-up, the CPU of one poll, and its memory. On a
 * machine that is too busy there are fewer polls than one a second and shard: then only the CPU of one says something.
 */

const [how, endpoint = '', ...numbers] = process.argv.slice(2);
const [shards = 1, seconds = 10] = numbers.map(Number);
const WARM_UP_MS = 8_000;

/** What anybody would write first: one loop per shard with the SDK's command. */
async function bare(): Promise<void> {
  const requestHandler = new NodeHttpHandler({ httpAgent: { maxSockets: 256 } });
  const client = new KinesisClient({ region: 'eu-west-1', endpoint, credentials, requestHandler });
  const shard = async (index: number) => {
    const ShardId = `shardId-${String(index).padStart(12, '0')}`;
    const at = { StreamName: 'orders', ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const;
    let { ShardIterator } = await client.send(new GetShardIteratorCommand(at));
    for (;;) {
      const startedAt = clock.monotonic();
      const answer = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }));
      ShardIterator = answer.NextShardIterator;
      await clock.sleep(startedAt + 1_000 - clock.monotonic());
    }
  };
  await Promise.all(Array.from({ length: shards }, (_, index) => shard(index)));
}

let polls = 0;
subscribe('http.client.response.finish', () => (polls += 1));
void (how === 'bare' ? bare() : readingWorker(endpoint, 100, () => {}));
await clock.sleep(WARM_UP_MS);
const before = process.cpuUsage();
const pollsBefore = polls;
const atMs = clock.monotonic();
await clock.sleep(seconds * 1_000);
const { user, system } = process.cpuUsage(before);
const cores = (user + system) / 1e3 / (clock.monotonic() - atMs);
const microsecondsAPoll = (user + system) / (polls - pollsBefore);
const pollsASecond = (polls - pollsBefore) / seconds;
const megabytes = process.resourceUsage().maxRSS / 1e3;
console.log(JSON.stringify({ cores, microsecondsAPoll, pollsASecond, megabytes }));
process.exit();
