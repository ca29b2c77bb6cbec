#!/usr/bin/env bash
# With kinesalite a consumer is never behind, but where there is nothing left to read; with moto and kinesis-local it is as far behind as its
# record is from the last one, however long both have waited.
#
# A good guess: MillisBehindLatest says, as AWS describes it, how far behind the current time a consumer is, so that a test of an autoscaler, of
# an alert or of "read until 0" can stop a consumer for a while and see the lag rise, and then end.
# Packages: npm kinesalite 3.3.3 and kinesis-local 0.6.2, PyPI moto 5.2.5 and boto3 1.44.8; two records, 4 s apart, that wait for 12 s more, and
# then are read one by one. Seen: kinesalite says 0 with a record to come: who reads until 0 stops with the first page, and
# nothing ever scales. At the end of a closed shard, all read, it tells the time since it was closed, which looks like a lag. The other two
# tell 0 of a batch that waits for hours, if it came at once: a producer that stops, and a consumer that does, look healthy.
# The way out: the age of ApproximateArrivalTimestamp of what was read, and tests of a lag that write while they wait.
# Output:
#   what botocore says of MillisBehindLatest: behind current time
#   kinesalite, one of two records read: 0
#   kinesalite, both read: 0
#   kinesalite, at the end of a closed shard: the time since it was closed
#   kinesis-local, one of two records read: the time between the two
#   kinesis-local, both read: 0
#   kinesis-local, at the end of a closed shard: 0
#   moto, one of two records read: the time between the two
#   moto, both read: 0
# Needs Python 3, and a minute or two.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . kinesalite@3.3.3 kinesis-local@0.6.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8 botocore==1.44.8 moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > ask.py <<'PY'
import os, socket, subprocess, time
from contextlib import contextmanager
import boto3
from botocore.exceptions import EndpointConnectionError
from moto.server import ThreadedMotoServer

BETWEEN_S, WAIT_S = 4, 12
stream = dict(StreamName='orders')
shard = dict(ShardId='shardId-000000000000')

def is_there(kinesis):
    try:
        kinesis.list_streams()
        return True
    except EndpointConnectionError:
        return False

def word(millis, **known):
    """The one of the known times, in seconds, that is nearest: a slow machine adds to each."""
    name = min(known, key=lambda name: abs(known[name] - millis / 1000))
    return '0' if name == 'none' else name.replace('_', ' ')

def ask(about, url):
    kinesis = boto3.client('kinesis', endpoint_url=url)
    while not is_there(kinesis):
        time.sleep(0.5)
    kinesis.create_stream(**stream, ShardCount=1)
    kinesis.get_waiter('stream_exists').wait(**stream, WaiterConfig={'Delay': 1})
    put = lambda: (kinesis.put_record(**stream, PartitionKey='a', Data=b'data'), time.monotonic())[1]
    first = put()
    time.sleep(BETWEEN_S)
    last = put()
    time.sleep(WAIT_S)
    iterator = kinesis.get_shard_iterator(**stream, **shard, ShardIteratorType='TRIM_HORIZON')['ShardIterator']
    for read in 'one of two records read', 'both read':
        page = kinesis.get_records(ShardIterator=iterator, Limit=1)
        iterator = page['NextShardIterator']
        assert len(page['Records']) == 1, page
        known = dict(none=0, the_time_between_the_two=last - first, the_time_since_then=time.monotonic() - first)
        print(f'{about}, {read}:', word(page['MillisBehindLatest'], **known))
    return kinesis, iterator

def ask_at_the_end(about, kinesis, iterator):
    kinesis.split_shard(**stream, ShardToSplit=shard['ShardId'], NewStartingHashKey=str(2 ** 126))
    kinesis.get_waiter('stream_exists').wait(**stream, WaiterConfig={'Delay': 1})
    closed = time.monotonic()
    time.sleep(WAIT_S)
    while iterator:
        page = kinesis.get_records(ShardIterator=iterator)
        iterator = page.get('NextShardIterator')
        assert not page['Records'], page
    print(f'{about}, at the end of a closed shard:',
          word(page['MillisBehindLatest'], none=0, the_time_since_it_was_closed=time.monotonic() - closed))

def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])

@contextmanager
def emulator(*command, port, cwd, **environment):
    with open('log', 'w') as log:
        server = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        yield f'http://127.0.0.1:{port}'
    finally:
        server.kill()
        server.wait()

described = boto3.client('kinesis').meta.service_model.operation_model('GetRecords').output_shape.members['MillisBehindLatest']
phrase = 'behind current time'
print('what botocore says of MillisBehindLatest:', phrase if phrase in described.documentation else 'something else')
port = free_port()
with emulator('node', 'cli.js', '--port', port, port=port, cwd='node_modules/kinesalite') as url:
    ask_at_the_end('kinesalite', *ask('kinesalite', url))
port = free_port()
with emulator('node', 'main.js', port=port, cwd='node_modules/kinesis-local', KINESIS_MOCK_PLAIN_PORT=port,
              KINESIS_MOCK_TLS_PORT=free_port(), LOG_LEVEL='ERROR') as url:
    ask_at_the_end('kinesis-local', *ask('kinesis-local', url))
moto = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
moto.start()
ask('moto', 'http://{}:{}'.format(*moto.get_host_and_port()))
PY
python/bin/python ask.py 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
