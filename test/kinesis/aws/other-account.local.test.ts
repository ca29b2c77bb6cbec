import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { awsStreamClient } from '../../../src/kinesis/aws/stream-client.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';

/* A stream of another account: AWS lets a caller in by the policy of the stream, and only where a call names its ARN. */

const ARN = 'arn:aws:kinesis:eu-west-1:222222222222:stream/orders';
const page = readFileSync('docs/multi-tenant.md', 'utf8');
const policies = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as Policy);
interface Policy {
  Statement: { Action: string[]; Resource?: string }[];
}
const { Action: allowed } = policies
  .flatMap(({ Statement }) => Statement)
  .find(({ Resource }) => Resource === ARN)!;

let kinesis: LocalKinesis;
let front: Server;
const calls: string[] = [];

beforeEach(async () => {
  calls.length = 0;
  kinesis = await startLocalKinesis({ clock });
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  await kinesis.kinesis.whenCreated('orders');
  kinesis.kinesis.stream('orders').aliases.add(ARN);
  front = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
      const { StreamARN, StreamName, NextToken } = JSON.parse(body) as Record<string, unknown>;
      calls.push(`kinesis:${operation}`);
      // A token stands for the stream that it was given for.
      const isLetIn = StreamName === undefined && (StreamARN === ARN || NextToken !== undefined);
      if (!isLetIn || !allowed.includes(`kinesis:${operation}`)) {
        response.statusCode = 400;
        response.end('{"__type":"AccessDeniedException","message":"no resource-based policy allows it"}');
        return;
      }
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) =>
          name === 'host' || name === 'connection' || typeof value !== 'string' ? [] : [[name, value]],
        ),
      );
      const answer = await fetch(kinesis.endpoint, { method: 'POST', headers, body });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  front.close();
  front.closeAllConnections();
  await kinesis.close();
});

it('is read by its ARN alone, with the actions that docs/multi-tenant.md lets in and no others', async () => {
  const client = awsStreamClient({
    streamName: 'orders',
    streamArn: ARN,
    endpoint: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    clock,
    format: 'JSON',
  });
  try {
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
    expect((await client.describe()).name).toBe('orders');
    await client.now();
    const [shard] = await client.listShards({ from: 'TRIM_HORIZON' });
    const iterator = await client.getIterator(shard!.shardId, { at: 'TRIM_HORIZON' });
    expect((await client.getRecords(iterator, 10)).records).toHaveLength(1);
  } finally {
    client.close();
  }
  expect([...new Set(calls)].toSorted()).toEqual(allowed);
});
