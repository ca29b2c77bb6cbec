import { unreachable } from '../../lib/assert.ts';
import { shardOfIterator } from './iterator.ts';
import type { ListFilter } from './shard-list.ts';
import { subscribe } from './subscription.ts';
import type { MemoryKinesis } from './stream.ts';
import type { Shard } from '../shard.ts';
import type { ShardFilter, StreamClient, Subscription } from '../stream-client.ts';

/** The port over one stream of the memory twin. */
export function memoryStreamClient(kinesis: MemoryKinesis, streamName: string): StreamClient {
  return {
    describe: ({ signal } = {}) =>
      kinesis.call('DescribeStreamSummary', undefined, signal, () => kinesis.describe(streamName)),
    now: ({ signal } = {}) =>
      kinesis.call('DescribeStreamSummary', undefined, signal, () => {
        kinesis.describe(streamName);
        return Math.floor(kinesis.clock.now() / 1_000) * 1_000;
      }),
    async listShards(filter, { signal } = {}) {
      const request = { filter: listFilterOf(filter) };
      const shards: Shard[] = [];
      let page = await kinesis.call('ListShards', undefined, signal, () =>
        kinesis.listShards(streamName, request),
      );
      shards.push(...page.shards);
      for (let token = page.nextToken; token !== undefined; token = page.nextToken) {
        const current = token;
        page = await kinesis.call('ListShards', undefined, signal, () => kinesis.listMoreShards(current));
        shards.push(...page.shards);
      }
      return shards;
    },
    getIterator: (shardId, position, { signal } = {}) =>
      kinesis.call('GetShardIterator', shardId, signal, () =>
        kinesis.getIterator(streamName, shardId, position),
      ),
    getRecords: (iterator, limit, { signal } = {}) =>
      kinesis.call('GetRecords', shardOfIterator(iterator), signal, () =>
        kinesis.getRecords(iterator, limit),
      ),
    async subscribe(request, { signal } = {}) {
      let begun: Subscription | undefined;
      try {
        return await kinesis.call('SubscribeToShard', request.shardId, signal, () => {
          begun = subscribe(kinesis, streamName, request);
          return begun;
        });
      } catch (thrown) {
        begun?.close(); // it has begun, and nobody knows
        throw thrown;
      }
    },
    close: () => {},
  };
}

/** The service's name of a port's filter. */
function listFilterOf(filter: ShardFilter): ListFilter {
  switch (filter.from) {
    case 'TRIM_HORIZON':
      return { type: 'FROM_TRIM_HORIZON' };
    case 'LATEST':
      return { type: 'AT_LATEST' };
    case 'TIMESTAMP':
      return { type: 'FROM_TIMESTAMP', timestampMs: filter.timestampMs };
    default:
      return unreachable(filter);
  }
}
