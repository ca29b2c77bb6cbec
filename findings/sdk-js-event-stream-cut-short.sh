#!/usr/bin/env bash
# With the AWS SDK for JavaScript a SubscribeToShard stream that is reset, or whose connection is lost, ends like one
# that is over: the loop over its events finishes and nothing is thrown.
#
# A good guess: for await over EventStream throws when the stream breaks, so its end means that the five minutes of the
# subscription are over, or the shard is.
# Packages: npm @aws-sdk/client-kinesis 3.1143.0 with @smithy/node-http-handler 4.14.2 and @smithy/core 3.41.1, against
# an HTTP/2 server on loopback that sends one event and then ends as told. Only a break inside of an event throws.
# So the end of the loop says nothing of how it ended; what does is the last event: with ChildShards the shard is over,
# else one subscribes again from its ContinuationSequenceNumber.
# Output:
#   the server ends the stream: 1 event, then the end
#   the server resets the stream (INTERNAL_ERROR): 1 event, then the end
#   the server resets the stream (REFUSED_STREAM): 1 event, then the end
#   the connection is lost: 1 event, then the end
#   the connection is lost inside of the second event: 1 event, then Error: Truncated event message received.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
PATH=$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . \
  @aws-sdk/client-kinesis@3.1143.0 @smithy/node-http-handler@4.14.2 @smithy/core@3.41.1

cat > ask.mjs <<'JS'
import { constants, createServer } from 'node:http2';
import { KinesisClient, SubscribeToShardCommand } from '@aws-sdk/client-kinesis';
import { EventStreamCodec } from '@smithy/core/event-streams';

const text = new TextEncoder();
const codec = new EventStreamCodec((bytes) => Buffer.from(bytes).toString(), (string) => text.encode(string));
const event = (type, content) => {
  const header = (value) => ({ type: 'string', value });
  const headers = {
    ':message-type': header('event'),
    ':event-type': header(type),
    ':content-type': header('application/json'),
  };
  return Buffer.from(codec.encode({ headers, body: text.encode(JSON.stringify(content)) }));
};
const records = event('SubscribeToShardEvent', {
  Records: [{ Data: 'YQ==', PartitionKey: 'key', SequenceNumber: '1' }],
  ContinuationSequenceNumber: '1',
  MillisBehindLatest: 0,
});

const ends = {
  'the server ends the stream': (stream) => stream.end(),
  'the server resets the stream (INTERNAL_ERROR)': (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  'the server resets the stream (REFUSED_STREAM)': (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  'the connection is lost': (stream) => stream.session.destroy(),
  'the connection is lost inside of the second event': (stream) =>
    stream.write(records.subarray(0, 50), () => setTimeout(() => stream.session.destroy(), 200)),
};
let end;
let finish;
const server = createServer();
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.resume().once('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/vnd.amazon.eventstream' });
    stream.write(event('initial-response', {}));
    stream.write(records);
    finish = () => end(stream);
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const client = new KinesisClient({ endpoint: `http://127.0.0.1:${server.address().port}`, maxAttempts: 1 });
for (const [name, how] of Object.entries(ends)) {
  end = how;
  let events = 0;
  let seen = 'the end';
  try {
    const { EventStream } = await client.send(
      new SubscribeToShardCommand({
        ConsumerARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/local:1',
        ShardId: 'shardId-000000000000',
        StartingPosition: { Type: 'LATEST' },
      }),
    );
    for await (const { SubscribeToShardEvent } of EventStream) {
      if (!SubscribeToShardEvent) continue;
      events += 1;
      finish();
    }
  } catch (error) {
    seen = String(error);
  }
  console.log(`${name}: ${events} event, then ${seen}`);
}
process.exit();
JS
node ask.mjs | tee seen
diff seen - <<'SEEN'
the server ends the stream: 1 event, then the end
the server resets the stream (INTERNAL_ERROR): 1 event, then the end
the server resets the stream (REFUSED_STREAM): 1 event, then the end
the connection is lost: 1 event, then the end
the connection is lost inside of the second event: 1 event, then Error: Truncated event message received.
SEEN
