import { streamContract } from '../../contract/stream-contract.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../../src/kinesis/memory/stream-client.ts';
import { subscriptionContract } from '../../contract/subscription-contract.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { LoneClock } from '../lone-clock.ts';

streamContract('memoryStreamClient', async () => {
  const clock = new LoneClock();
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 2 });
  return { clock, kinesis, client: (name) => memoryStreamClient(kinesis, name), close: async () => {} };
});

subscriptionContract('memoryStreamClient', async () => {
  const clock = new ManualClock();
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders' });
  return { clock, kinesis, client: memoryStreamClient(kinesis, 'orders'), close: async () => {} };
});
