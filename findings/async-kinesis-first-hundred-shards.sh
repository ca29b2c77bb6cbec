#!/usr/bin/env bash
# async-kinesis reads the first 100 shards of a stream, and nothing of the others; with use_list_shards the first 1,000.
#
# A good guess: a consumer reads all shards of its stream; a list that is longer than a page is followed, or complained about.
# Package: PyPI async-kinesis 3.0.1, against a server on loopback that answers DescribeStream and ListShards in pages, as the API has
# them: at most 100 shards and HasMoreShards, 1,000 and NextToken. Seen: the first page is all shards, HasMoreShards and NextToken
# are not looked at, at the start as at each refresh, and nothing is logged, not as a warning. Closed shards count until their records
# have expired, and come first in the list, so a stream of 60 that was resharded once has its newest shards, those that are
# written to, among the unread. moto 5.2.5 gives all shards in one page, so that a test with it does not show it.
# The way out: use_list_shards=True, and a look at get_shard_status()["total_shards"] beside the stream's own number.
# Output:
#   stream of 60 shards: reads 60
#   stream of 120 shards: reads 100
#   stream of 120 shards, use_list_shards: reads 120
#   stream of 1200 shards, use_list_shards: reads 1000
#   asked for a second page: never
#   warnings: none
# Needs Python 3.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check async-kinesis==3.0.1
cat > read.py <<'PY'
import asyncio, http.server, json, logging, threading
from kinesis import Consumer

class Warnings(logging.Handler):
    seen = []
    def emit(self, record):
        self.seen.append(record.getMessage())
logging.getLogger().addHandler(Warnings(level=logging.WARNING))

later_pages = []
def shards(count):
    step = 2**128 // count
    return [{'ShardId': f'shardId-{n:012}', 'SequenceNumberRange': {'StartingSequenceNumber': '1'},
             'HashKeyRange': {'StartingHashKey': str(n * step), 'EndingHashKey': str((n + 1) * step - 1)}} for n in range(count)]

def answer(operation, asked):
    later_pages.extend({'NextToken', 'ExclusiveStartShardId'} & set(asked))
    all_shards = shards(int(asked['StreamName'].split('-')[1])) if 'StreamName' in asked else []
    if operation == 'DescribeStream':
        return {'StreamDescription': {
            'StreamName': asked['StreamName'], 'StreamARN': 'arn:aws:kinesis:us-east-1:000000000000:stream/orders', 'StreamStatus': 'ACTIVE',
            'Shards': all_shards[:100], 'HasMoreShards': len(all_shards) > 100, 'RetentionPeriodHours': 24,
            'StreamCreationTimestamp': 1764374400, 'EnhancedMonitoring': []}}
    if operation == 'ListShards':
        return {'Shards': all_shards[:1000], **({'NextToken': 'more'} if len(all_shards) > 1000 else {})}
    if operation == 'GetShardIterator':
        return {'ShardIterator': 'iterator'}
    return {'Records': [], 'NextShardIterator': 'iterator', 'MillisBehindLatest': 0}

class Kinesis(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    log_message = lambda *_: None
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        body = json.dumps(answer(self.headers['X-Amz-Target'].split('.')[1], asked)).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/x-amz-json-1.1')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Kinesis)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()

async def main():
    for count, by_list in (60, False), (120, False), (120, True), (1200, True):
        url = f'http://127.0.0.1:{server.server_port}'
        async with Consumer(f'orders-{count}', endpoint_url=url, use_list_shards=by_list, sleep_time_no_records=0.01) as consumer:
            # The refresh that the reading does once a minute, now.
            consumer._last_shard_refresh = 0
            await consumer.refresh_shards()
            status = consumer.get_shard_status()
        print(f'stream of {count} shards{", use_list_shards" if by_list else ""}: reads {status["total_shards"]}')
    print('asked for a second page:', later_pages or 'never')
    print('warnings:', Warnings.seen or 'none')

asyncio.run(main())
PY
python/bin/python read.py 2> errors | tee seen || { cat errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
