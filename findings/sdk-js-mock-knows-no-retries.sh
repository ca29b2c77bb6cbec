#!/usr/bin/env bash
# A client under aws-sdk-client-mock has no retries, no abort, no middleware and no required fields: what a test shows of these is not
# what the client does.
#
# A good guess: the mock stands in for the service, below the client's own work, so that a throttling error that comes once is retried,
# and a call with an aborted signal is refused.
# Package: npm aws-sdk-client-mock 4.1.0 with @aws-sdk/client-dynamodb 3.1164.0. Seen: send() itself is replaced. So
# - an error that comes once is thrown at once, whatever maxAttempts says: code that leans on the SDK's retries looks broken, and a
#   loop of one's own around them looks needed, with twice the attempts in production;
# - a call with an aborted signal succeeds, and so does one without any field;
# - each call keeps the input object itself: a loop that fills one object anew is seen to have sent the last one each time;
# - the behaviour that was set last wins, not the one that fits best: a general one behind a particular one hides it.
# The way out: a server on loopback, or a requestHandler of one's own, for whatever is about retries, signals and bodies.
# Output:
#   an error that comes once, mocked: ProvisionedThroughputExceededException after 1 call
#   the same from a server: succeeds after 2 calls
#   aborted before, mocked: succeeds
#   the same with a server: AbortError
#   without any field, mocked: succeeds
#   three puts of 1, 2 and 3 by one object, mocked: 3 3 3
#   a behaviour for one key, then one for all, mocked: the one for all
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . aws-sdk-client-mock@4.1.0 @aws-sdk/client-dynamodb@3.1164.0
cat > ask.mjs <<'JS'
import { createServer } from 'node:http';
import { DynamoDBClient, GetItemCommand, PutItemCommand, ProvisionedThroughputExceededException } from '@aws-sdk/client-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';

const put = { TableName: 'leases', Item: { shard: { S: 'a' } } };
const outcome = (promise) => promise.then(() => 'succeeds', (error) => error.name);
const aborted = { abortSignal: AbortSignal.abort() };

let calls = 0;
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    calls += 1;
    response.writeHead(calls === 1 ? 400 : 200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(calls === 1 ? { __type: 'ProvisionedThroughputExceededException', message: 'slow down' } : {}));
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const real = new DynamoDBClient({ endpoint: `http://127.0.0.1:${server.address().port}`, maxAttempts: 3 });
const served = `${await outcome(real.send(new PutItemCommand(put)))} after ${calls} calls`;
const servedAborted = await outcome(real.send(new PutItemCommand(put), aborted));

const mock = mockClient(DynamoDBClient);
const client = new DynamoDBClient({ maxAttempts: 3 });
mock.on(PutItemCommand).rejectsOnce(new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} })).resolves({});
const mocked = await outcome(client.send(new PutItemCommand(put)));
console.log(`an error that comes once, mocked: ${mocked} after ${mock.calls().length} call`);
console.log(`the same from a server: ${served}`);
console.log(`aborted before, mocked: ${await outcome(client.send(new PutItemCommand(put), aborted))}`);
console.log(`the same with a server: ${servedAborted}`);
console.log(`without any field, mocked: ${await outcome(client.send(new PutItemCommand({})))}`);

mock.reset();
mock.on(PutItemCommand).resolves({});
for (const number of ['1', '2', '3']) {
  put.Item.number = { N: number };
  await client.send(new PutItemCommand(put));
}
const sent = mock.commandCalls(PutItemCommand).map((call) => call.args[0].input.Item.number.N);
console.log(`three puts of 1, 2 and 3 by one object, mocked: ${sent.join(' ')}`);

const get = { TableName: 'leases', Key: { shard: { S: 'a' } } };
mock.on(GetItemCommand, get).resolves({ Item: { is: { S: 'the one for the key' } } });
mock.on(GetItemCommand).resolves({ Item: { is: { S: 'the one for all' } } });
const { Item } = await client.send(new GetItemCommand(get));
console.log(`a behaviour for one key, then one for all, mocked: ${Item.is.S}`);
process.exit();
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
