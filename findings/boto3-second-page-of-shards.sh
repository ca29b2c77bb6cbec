#!/usr/bin/env bash
# boto3's own paginator for ListShards asks for the second page in a way that the API refuses, so it fails from the 1,001st shard on;
# moto, on which it is tested, lets it pass.
#
# A good guess: a paginator that comes with the SDK follows the rules of its operation, and a test with several pages shows it.
# Packages: PyPI boto3 1.44.8 (botocore 1.44.8), npm kinesis-local 0.6.2, PyPI moto 5.2.5; a stream of 12 shards, in pages of 5. Seen: the
# paginator sends what it was given with each page, StreamName beside NextToken. botocore's own description of both parameters says
# that they exclude each other; kinesis-local refuses them as that says, moto takes them. The SDK for JavaScript has paginators for
# Kinesis, but none for this operation.
# A page has 1,000 shards unless told otherwise, closed ones included, so a tool works for years and fails after a reshard.
# The way out: a loop of one's own that sends NextToken alone.
# Output:
#   the first page: StreamName
#   the second page: NextToken, StreamName
#   what botocore says of StreamName and NextToken: not both
#   moto, paginator: 12 shards
#   kinesis-local, paginator: InvalidArgumentException
#   kinesis-local, NextToken alone: 12 shards
# Needs Python 3.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . kinesis-local@0.6.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8 botocore==1.44.8 moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > ask.py <<'PY'
import os, socket, subprocess, time
import boto3
from botocore.exceptions import ClientError, EndpointConnectionError
from moto.server import ThreadedMotoServer

def is_there(kinesis):
    try:
        kinesis.list_streams()
        return True
    except EndpointConnectionError:
        return False

def client_with_stream(url):
    kinesis = boto3.client('kinesis', endpoint_url=url)
    while not is_there(kinesis):
        time.sleep(0.5)
    kinesis.create_stream(StreamName='orders', ShardCount=12)
    kinesis.get_waiter('stream_exists').wait(StreamName='orders', WaiterConfig={'Delay': 1})
    return kinesis

def paginated(kinesis):
    try:
        pages = kinesis.get_paginator('list_shards').paginate(StreamName='orders', PaginationConfig={'PageSize': 5})
        return f'{sum(len(page["Shards"]) for page in pages)} shards'
    except ClientError as error:
        return error.response['Error']['Code']

def by_token(kinesis):
    page = kinesis.list_shards(StreamName='orders', MaxResults=5)
    count = len(page['Shards'])
    while 'NextToken' in page:
        page = kinesis.list_shards(NextToken=page['NextToken'], MaxResults=5)
        count += len(page['Shards'])
    return f'{count} shards'

moto = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
moto.start()
on_moto = client_with_stream('http://{}:{}'.format(*moto.get_host_and_port()))
asked = []
on_moto.meta.events.register('provide-client-params.kinesis.ListShards', lambda params, **_: asked.append(sorted(params)))
counted = paginated(on_moto)
for about, params in ('first', asked[0]), ('second', asked[1]):
    print(f'the {about} page:', ', '.join(name for name in params if name != 'MaxResults'))
members = on_moto.meta.service_model.operation_model('ListShards').input_shape.members
forbidden = [f'specify {other}' in members[name].documentation.replace('<code>', '').replace('</code>', '')
             for name, other in (('StreamName', 'the NextToken'), ('NextToken', 'StreamName'))]
print('what botocore says of StreamName and NextToken:', 'not both' if any(forbidden) else 'nothing')
print('moto, paginator:', counted)

def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])
port = free_port()
environment = {**os.environ, 'KINESIS_MOCK_PLAIN_PORT': port, 'KINESIS_MOCK_TLS_PORT': free_port(), 'LOG_LEVEL': 'ERROR'}
with open('log', 'w') as log:
    server = subprocess.Popen(['node', 'main.js'], cwd='node_modules/kinesis-local', env=environment, stdout=log, stderr=log)
try:
    on_local = client_with_stream(f'http://127.0.0.1:{port}')
    print('kinesis-local, paginator:', paginated(on_local))
    print('kinesis-local, NextToken alone:', by_token(on_local))
finally:
    server.kill()
PY
python/bin/python ask.py 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
