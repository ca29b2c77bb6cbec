#!/usr/bin/env bash
# One throttled shard uses up the retries of all others: after a hundred retries in vain a client of the AWS SDK for JavaScript, or of
# boto3, tries nothing again, whatever it is called for.
#
# A good guess: three attempts, as documented and as maxAttempts: 3 says, are those of each call, so that an error that is thrown
# has come three times; and boto3 still has its five.
# Packages: npm @aws-sdk/client-kinesis 3.1143.0 with @smithy/node-http-handler 4.14.2, and PyPI boto3 1.44.8, against an HTTP
# server on loopback: 60 calls of GetRecords at once that are throttled each time, then one that would fare well at its second
# attempt. Seen: a client has 500 tokens, a retry costs 5, and only calls that fare well give some back. A worker with one client
# for many shards, one of which is read by too many, meets each passing error of the healthy ones as a failure; in JavaScript
# error.$metadata.attempts is 1 then. boto3 is in this mode (standard) unasked by now; in legacy, its old default, calls do not share.
# The way out: a loop of one's own around the call, and a client of its own for what must be retried (leases, checkpoints).
# Output:
#   JavaScript: 60 throttled calls: 100 retries; then a passing error: fails
#   boto3: 60 throttled calls: 100 retries; then a passing error: fails
#   boto3, legacy: 60 throttled calls: 240 retries; then a passing error: succeeds
# Needs Python 3, and a minute.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
export AWS_DEFAULT_REGION=us-east-1 AWS_CONFIG_FILE=/dev/null
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-sdk/client-kinesis@3.1143.0 @smithy/node-http-handler@4.14.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8
cat > ask.mjs <<'JS'
import { GetRecordsCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const client = new KinesisClient({ endpoint: process.argv[2], requestHandler: new NodeHttpHandler() });
const ask = (ShardIterator) => client.send(new GetRecordsCommand({ ShardIterator })).then(() => 'succeeds', () => 'fails');
await Promise.all(Array.from({ length: 60 }, (_, call) => ask(`throttled ${call}`)));
console.log(await ask('passing'));
process.exit();
JS
cat > ask.py <<'PY'
import http.server, json, subprocess, sys, threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

attempts = Counter()
class Kinesis(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    log_message = lambda *_: None
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers['Content-Length'])))['ShardIterator']
        attempts[call] += 1
        throttled = call.startswith('throttled') or attempts[call] == 1
        body = {'__type': 'ProvisionedThroughputExceededException', 'message': 'slow down'} if throttled else {'Records': []}
        body = json.dumps(body).encode()
        self.send_response(400 if throttled else 200)
        self.send_header('Content-Type', 'application/x-amz-json-1.1')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128
server = Server(('127.0.0.1', 0), Kinesis)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f'http://127.0.0.1:{server.server_port}'

def tell(about, passing):
    retries = [count - 1 for call, count in attempts.items() if call.startswith('throttled')]
    print(f'{about}: {len(retries)} throttled calls: {sum(retries)} retries; then a passing error: {passing}')
    attempts.clear()

tell('JavaScript', subprocess.run(['node', 'ask.mjs', url], capture_output=True, text=True, check=True).stdout.strip())
for about, retries in ('boto3', {}), ('boto3, legacy', {'mode': 'legacy'}):
    client = boto3.client('kinesis', endpoint_url=url, config=Config(retries=retries, max_pool_connections=60))
    def ask(call):
        try:
            client.get_records(ShardIterator=call)
            return 'succeeds'
        except ClientError:
            return 'fails'
    with ThreadPoolExecutor(60) as pool:
        list(pool.map(ask, [f'throttled {call}' for call in range(60)]))
    tell(about, ask('passing'))
PY
python/bin/python ask.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
