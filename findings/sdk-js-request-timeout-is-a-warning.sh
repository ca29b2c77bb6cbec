#!/usr/bin/env bash
# requestTimeout of the AWS SDK for JavaScript ends no call to DynamoDB that is not answered, it warns; the Kinesis client beside it goes by
# it. Unless told otherwise both wait for as long as the connection lasts.
#
# A good guess: a client gives up by itself, as boto3 does after a minute; and requestTimeout: 1000 means that a call fails after a second,
# in each client of the SDK.
# Packages: npm @aws-sdk/client-dynamodb 3.1164.0 and @aws-sdk/client-kinesis 3.1143.0 with @smithy/node-http-handler 4.14.2, against a server
# on loopback that takes connections and says nothing; "waits" is after 20 s. Seen: by HTTP/1.1, which DynamoDB is spoken to in,
# requestTimeout writes a line to the console, one a client, and the call goes on; given with the call it is the same. What ends a call is
# throwOnRequestTimeout beside it, or socketTimeout, or a signal; by HTTP/2 it is an error as it is. Each is tried again, so a call
# takes as many times that as it has attempts, but for the signal, which is for all of them.
# So a consumer that renews leases by such a client stands still with its node's network, or behind a firewall that forgets connections,
# while others take its shards, and neither its time-out nor its retries say so.
# The way out: an abortSignal for each call, AbortSignal.timeout(…), shorter than the lease.
# Output:
#   DynamoDB, nothing set: waits
#   DynamoDB, requestTimeout 1 s: waits, warned
#   DynamoDB, requestTimeout 1 s with the call: waits, warned
#   DynamoDB, requestTimeout 1 s, throwOnRequestTimeout: TimeoutError after 4 attempts
#   DynamoDB, socketTimeout 1 s: TimeoutError after 4 attempts
#   DynamoDB, a signal of 1 s: AbortError after 1 attempt
#   Kinesis, nothing set: waits
#   Kinesis, requestTimeout 1 s: TimeoutError after 3 attempts
#   Kinesis by HTTP/1.1, requestTimeout 1 s: waits, warned
# Needs half a minute.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
unset AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026 AWS_MAX_ATTEMPTS AWS_RETRY_MODE
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-sdk/client-dynamodb@3.1164.0 @aws-sdk/client-kinesis@3.1143.0 \
  @smithy/node-http-handler@4.14.2
cat > ask.mjs <<'JS'
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const WAITS_MS = 20_000;

/** A server of its own tells calls apart by their connections. */
async function silentServer() {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

async function ask(about, Client, command, { handler, options } = {}) {
  let warned = '';
  const logger = { ...console, warn: () => (warned = ', warned'), debug() {}, info() {}, trace() {}, error() {} };
  const client = new Client({ endpoint: await silentServer(), requestHandler: handler, logger });
  const failed = (error) => {
    const attempts = error.$metadata?.attempts ?? 1;
    return `${error.name} after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  };
  const end = await Promise.race([client.send(command, options?.()).then(() => 'answered', failed), sleep(WAITS_MS, 'waits')]);
  return `${about}: ${end}${warned}`;
}

const tables = (about, more) => ask(`DynamoDB, ${about}`, DynamoDBClient, new ListTablesCommand({}), more);
const streams = (about, more) => ask(`Kinesis${about}`, KinesisClient, new ListStreamsCommand({}), more);
const second = { requestTimeout: 1000 };
const seen = await Promise.all([
  tables('nothing set'),
  tables('requestTimeout 1 s', { handler: second }),
  tables('requestTimeout 1 s with the call', { options: () => second }),
  tables('requestTimeout 1 s, throwOnRequestTimeout', { handler: { ...second, throwOnRequestTimeout: true } }),
  tables('socketTimeout 1 s', { handler: { socketTimeout: 1000 } }),
  tables('a signal of 1 s', { options: () => ({ abortSignal: AbortSignal.timeout(1000) }) }),
  streams(', nothing set'),
  streams(', requestTimeout 1 s', { handler: second }),
  streams(' by HTTP/1.1, requestTimeout 1 s', { handler: new NodeHttpHandler(second) }),
]);
console.log(seen.join('\n'));
process.exit();
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
