import { randomUUID } from 'node:crypto';
import { KcgError } from '../../lib/errors.ts';
import type { MemorySubscription } from '../../kinesis/memory/subscription.ts';
import type { SubscriptionEvent } from '../../kinesis/stream-client.ts';
import type { ServiceResponse } from '../service-server.ts';
import { inStreamType } from './error-types.ts';
import { encodeEventMessage } from './event-stream.ts';
import { wireChildren, wireRecord } from './record-operations.ts';

/** The content type of the events, and what encodes them. */
type Encoding = readonly [contentType: string, encode: (value: unknown) => Uint8Array];

/** Until the subscription is over or the client has gone. As fast as the client takes it. */
export async function sendEvents(
  subscription: MemorySubscription,
  response: ServiceResponse,
  [contentType, encode]: Encoding,
): Promise<void> {
  const gone = new Promise<false>((resolve) => {
    response.once('close', () => {
      subscription.close();
      resolve(false);
    });
  });
  const send = async (headers: Record<string, string>, body: unknown) => {
    const message = encodeEventMessage({ ...headers, ':content-type': contentType }, encode(body));
    if (response.destroyed || response.write(message)) return;
    await Promise.race([gone, new Promise((resolve) => response.once('drain', resolve))]);
  };
  response.writeHead(200, {
    'content-type': 'application/vnd.amazon.eventstream',
    'x-amzn-requestid': randomUUID(),
  });
  await send({ ':message-type': 'event', ':event-type': 'initial-response' }, {});
  try {
    for (let event = await subscription.next(); event; event = await subscription.next())
      await send({ ':message-type': 'event', ':event-type': 'SubscribeToShardEvent' }, wireEvent(event));
  } catch (thrown) {
    const error = KcgError.from(thrown);
    await send(
      { ':message-type': 'exception', ':exception-type': inStreamType(error) },
      { message: error.message },
    );
  }
  response.end();
}

function wireEvent({ records, continuation, millisBehindLatest, childShards }: SubscriptionEvent) {
  return {
    Records: records.map(wireRecord),
    ContinuationSequenceNumber: continuation,
    MillisBehindLatest: millisBehindLatest,
    ChildShards: continuation === undefined ? wireChildren(childShards) : undefined,
  };
}
