import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startCollector } from '../../../src/dev/demo/collector.ts';
import { systemClock } from '../../../src/lib/clock.ts';

const delivery = { shardId: 'shardId-0', pod: 'a', records: [{ key: 'k', text: '1' }] };

test('a worker that is killed while it delivers, or sends something else, does not end the demo', async () => {
  const collector = await startCollector(systemClock);
  const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"shardId"');
  socket.end();
  await once(socket.resume(), 'close');
  await expect(fetch(collector.url, { method: 'POST', body: 'no JSON' })).rejects.toThrow('fetch failed');
  expect((await fetch(collector.url, { method: 'POST', body: JSON.stringify(delivery) })).status).toBe(204);
  expect(collector.tally.result().processed).toBe(1);
  await collector.close();
});
