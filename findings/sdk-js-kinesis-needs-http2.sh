#!/usr/bin/env bash
# The Kinesis client of the AWS SDK for JavaScript cannot talk to a server that speaks HTTP/1.1 alone, and its error
# does not say so: "Protocol error", or even "TimeoutError", at once.
#
# A good guess: with an http:// endpoint the client speaks HTTP/1.1, as the SDK's DynamoDB client beside it does, and
# "TimeoutError" means that nothing came in time.
# Packages: npm @aws-sdk/client-kinesis 3.1143.0 and @aws-sdk/client-dynamodb 3.1164.0, with @smithy/node-http-handler
# 4.14.2 and @smithy/core 3.41.1, against Node's HTTP/1.1 server on loopback. The Kinesis client's default handler
# speaks HTTP/2 without asking first. A server that answers this as bad HTTP/1.1 (so does moto 5.2.5) makes a protocol
# error of it; one that closes the connection makes a TimeoutError of it, though nothing was waited for. The way out:
# give the client requestHandler: new NodeHttpHandler().
# Output:
#   KinesisClient, the server answers: Error [ERR_HTTP2_ERROR]: Protocol error
#   KinesisClient, the server closes: TimeoutError: Unexpected error: http2 request did not get a response
#   waited for a timeout: no
#   KinesisClient with NodeHttpHandler: answered
#   DynamoDBClient: answered
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
PATH=$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-sdk/client-kinesis@3.1143.0 \
  @aws-sdk/client-dynamodb@3.1164.0 @smithy/node-http-handler@4.14.2 @smithy/core@3.41.1

cat > ask.mjs <<'JS'
import { createServer } from 'node:http';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const server = createServer((request, response) => {
  const kinesis = request.headers['x-amz-target'].startsWith('Kinesis');
  response.setHeader('content-type', kinesis ? 'application/x-amz-json-1.1' : 'application/x-amz-json-1.0');
  response.end(kinesis ? '{"StreamNames":[],"HasMoreStreams":false}' : '{"TableNames":[]}');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const settings = { endpoint: `http://127.0.0.1:${server.address().port}`, maxAttempts: 1 };
const ask = async (client, command) => console.log(`${client}: ${await command.then(() => 'answered', String)}`);

const since = performance.now();
await ask('KinesisClient, the server answers', new KinesisClient(settings).send(new ListStreamsCommand({})));
server.on('clientError', (error, socket) => socket.destroy());
await ask('KinesisClient, the server closes', new KinesisClient(settings).send(new ListStreamsCommand({})));
console.log(`waited for a timeout: ${performance.now() - since > 10_000 ? 'yes' : 'no'}`);
const http1 = new KinesisClient({ ...settings, requestHandler: new NodeHttpHandler() });
await ask('KinesisClient with NodeHttpHandler', http1.send(new ListStreamsCommand({})));
await ask('DynamoDBClient', new DynamoDBClient(settings).send(new ListTablesCommand({})));
process.exit();
JS
node ask.mjs | tee seen
diff seen - <<'SEEN'
KinesisClient, the server answers: Error [ERR_HTTP2_ERROR]: Protocol error
KinesisClient, the server closes: TimeoutError: Unexpected error: http2 request did not get a response
waited for a timeout: no
KinesisClient with NodeHttpHandler: answered
DynamoDBClient: answered
SEEN
