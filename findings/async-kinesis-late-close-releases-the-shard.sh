#!/usr/bin/env bash
# A consumer of async-kinesis that has lost a shard gives it away and sets its position back when it is closed, though its
# checkpoints were refused; and with the default id of two containers not even those are.
#
# A good guess: what is written to the checkpoint table is fenced by the owner, so that a consumer that was paused past its
# session time-out can do no harm; and an id that nobody sets is unique.
# Package: PyPI async-kinesis 3.0.1 with its DynamoDB checkpointer, against DynamoDB as moto 5.2.5 serves it. Seen:
# - checkpoint() is written on condition of the owner, close() without one, with the number that the closing consumer
#   remembers: the new owner is refused from then on, and the next one begins at the older position;
# - the id is the process id by default, which is 1 in most containers: then all pods of a group are one owner to the table;
# - a row that is released keeps a time to live of 24 hours: what is paused over a weekend begins anew.
# The way out: id=pod name, ttl_hours longer than any pause, and end a paused process without close().
# Output:
#   ids a and b: b has taken it and checkpointed 200
#   ids a and b: a checkpoints 150, late: refused
#   ids a and b: a closes: nobody owns it, checkpoint 100, gone in 24 hours
#   ids a and b: b checkpoints 300: refused
#   no ids, pid 1: b has taken it and checkpointed 200
#   no ids, pid 1: a checkpoints 150, late: accepted
#   no ids, pid 1: a closes: nobody owns it, checkpoint 150, gone in 24 hours
#   no ids, pid 1: b checkpoints 300: refused
# Needs Python 3.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check 'async-kinesis[dynamodb]==3.0.1' aioboto3==15.5.0 \
  moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > close.py <<'PY'
import asyncio, logging, os, time
import boto3
from kinesis.dynamodb import DynamoDBCheckPointer
from moto.server import ThreadedMotoServer

logging.disable()
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
url = 'http://{}:{}'.format(*server.get_host_and_port())
os.getpid = lambda: 1  # as in a container

async def checkpoint(consumer, shard, number):
    try:
        await consumer.checkpoint(shard, number)
        return 'accepted'
    except Exception:
        return 'refused'

async def scene(about, name, ids, shard='shardId-000000000000'):
    a, b = (DynamoDBCheckPointer(name, id=id, session_timeout=1, heartbeat_frequency=600, endpoint_url=url) for id in ids)
    await a.allocate(shard)
    await a.checkpoint(shard, '100')
    while not (await b.allocate(shard))[0]:
        await asyncio.sleep(0.2)
    await b.checkpoint(shard, '200')
    print(f'{about}: b has taken it and checkpointed 200')
    print(f'{about}: a checkpoints 150, late:', await checkpoint(a, shard, '150'))
    await a.close()
    row = boto3.resource('dynamodb', endpoint_url=url).Table(f'kinesis-checkpoints-{name}').get_item(Key={'shard_id': shard})['Item']
    hours = round((int(row['ttl']) - time.time()) / 3600)
    print(f'{about}: a closes: {row["ref"] or "nobody"} owns it, checkpoint {row["sequence"]}, gone in {hours} hours')
    print(f'{about}: b checkpoints 300:', await checkpoint(b, shard, '300'))

asyncio.run(scene('ids a and b', 'named', ['a', 'b']))
asyncio.run(scene('no ids, pid 1', 'unnamed', [None, None]))
PY
python/bin/python close.py 2> errors | tee seen || { cat errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
