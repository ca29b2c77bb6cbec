#!/usr/bin/env bash
# The AWS SDK for JavaScript reads a shared credentials file once in the life of a process: keys that are rotated in
# the file are not seen, not even by a client made afterwards.
#
# A good guess: a pod whose credentials file is a mounted Secret gets new keys with the next refresh, or at least
# with a new client.
# Packages: npm @aws-sdk/credential-provider-node 3.972.99 and @aws-sdk/client-kinesis 3.1143.0, with
# @aws-sdk/credential-provider-ini 3.973.32 and @smithy/core 3.41.1. Seen: after the file is rewritten the provider, a
# forced refresh of it, a new provider chain and a new client all give the old keys; only fromIni with
# ignoreCache: true reads the file again, and from then on the others, asked again, see what it read, too.
# So a process with such a file has to be started again, or be given fromIni({ ignoreCache: true }).
# Output:
#   before: OLD
#   rewritten, the same provider: OLD
#   rewritten, refresh forced: OLD
#   rewritten, a new provider chain: OLD
#   rewritten, a new client signs with: OLD
#   rewritten, fromIni with ignoreCache: NEW
#   then, the first provider, refresh forced: NEW
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_REGION=us-east-1
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_WEB_IDENTITY_TOKEN_FILE
PATH=$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-sdk/client-kinesis@3.1143.0 \
  @aws-sdk/credential-provider-node@3.972.99 @aws-sdk/credential-provider-ini@3.973.32 \
  @smithy/node-http-handler@4.14.2 @smithy/core@3.41.1
export AWS_SHARED_CREDENTIALS_FILE=$folder/credentials AWS_CONFIG_FILE=$folder/config
touch "$AWS_CONFIG_FILE"

cat > ask.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { KinesisClient, ListStreamsCommand } from '@aws-sdk/client-kinesis';
import { fromIni } from '@aws-sdk/credential-provider-ini';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const rotateTo = (key) =>
  writeFileSync(
    process.env.AWS_SHARED_CREDENTIALS_FILE,
    `[default]\naws_access_key_id = ${key}\naws_secret_access_key = local\naws_session_token = local\n`,
  );
let signedWith;
const server = createServer((request, response) => {
  signedWith = /Credential=(\w+)/.exec(request.headers.authorization)?.[1];
  response.setHeader('content-type', 'application/x-amz-json-1.1').end('{"StreamNames":[],"HasMoreStreams":false}');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${server.address().port}`;

rotateTo('OLD');
const provider = defaultProvider();
console.log(`before: ${(await provider()).accessKeyId}`);
rotateTo('NEW');
console.log(`rewritten, the same provider: ${(await provider()).accessKeyId}`);
console.log(`rewritten, refresh forced: ${(await provider({ forceRefresh: true })).accessKeyId}`);
console.log(`rewritten, a new provider chain: ${(await defaultProvider()()).accessKeyId}`);
const client = new KinesisClient({ endpoint, maxAttempts: 1, requestHandler: new NodeHttpHandler() });
await client.send(new ListStreamsCommand({}));
console.log(`rewritten, a new client signs with: ${signedWith}`);
console.log(`rewritten, fromIni with ignoreCache: ${(await fromIni({ ignoreCache: true })()).accessKeyId}`);
console.log(`then, the first provider, refresh forced: ${(await provider({ forceRefresh: true })).accessKeyId}`);
process.exit();
JS
node ask.mjs | tee seen
diff seen - <<'SEEN'
before: OLD
rewritten, the same provider: OLD
rewritten, refresh forced: OLD
rewritten, a new provider chain: OLD
rewritten, a new client signs with: OLD
rewritten, fromIni with ignoreCache: NEW
then, the first provider, refresh forced: NEW
SEEN
