#!/usr/bin/env bash
# With moto a merge copies all records of the parents into the child, with new numbers, and a following change of the number of
# shards copies them back: a consumer's test counts duplicates that no consumer has made.
#
# A good guess: MergeShards closes two shards and opens an empty child; each record stays where it was put, under its
# number, and comes once to whoever reads parents before children.
# Package: PyPI moto 5.2.5 with boto3 1.44.8. Seen, with four records in two shards:
# - after MergeShards the child begins with the records of both parents, numbered anew from 1, while these still have them:
#   all that was read comes again, one parent's records behind the other's, under numbers that say nothing of it;
# - DescribeStreamSummary says that two shards are open, where ListShards shows one;
# - after UpdateShardCount the child is empty, and each parent, closed before the record came there, has its records twice.
# So resharding cannot be tried with it: neither "none twice" nor "none lost" is the consumer's to keep.
# Output:
#   put: 0 of shard 0 as number 1, 1 of shard 1 as number 1, 2 of shard 0 as number 2, 3 of shard 1 as number 2
#   merged: shard 0: 1=0 2=2; shard 1: 1=1 2=3; shard 2: 1=0 2=2 3=1 4=3
#   open shards: 2, without an end in the list: 1
#   2 shards again: shard 0: 1=0 2=2 3=0 4=2; shard 1: 1=1 2=3 3=1 4=3; shard 2: none; shard 3: none; shard 4: none
# Needs Python 3.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check moto==5.2.5 boto3==1.44.8 flask==3.1.2 flask-cors==6.0.1
cat > merge.py <<'PY'
import logging

import boto3
from moto.server import ThreadedMotoServer

logging.disable()
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
kinesis = boto3.client('kinesis', endpoint_url='http://{}:{}'.format(*server.get_host_and_port()))
kinesis.create_stream(StreamName='orders', ShardCount=2)
kinesis.get_waiter('stream_exists').wait(StreamName='orders')

def shards():
    return kinesis.list_shards(StreamName='orders')['Shards']

def number(shard_id):
    return int(shard_id.removeprefix('shardId-'))

def records(shard_id):
    first = dict(StreamName='orders', ShardId=shard_id, ShardIteratorType='TRIM_HORIZON')
    seen = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**first)['ShardIterator'])['Records']
    return ' '.join(f"{record['SequenceNumber']}={record['Data'].decode()}" for record in seen) or 'none'

def show(about):
    kinesis.get_waiter('stream_exists').wait(StreamName='orders')
    print(f'{about}:', '; '.join(f"shard {number(s['ShardId'])}: {records(s['ShardId'])}" for s in shards()))

lower, upper = (shard['ShardId'] for shard in shards())
put = []
for i in range(4):
    # The lower half of the hash keys, and the upper one, in turn.
    to = dict(PartitionKey='key', ExplicitHashKey=str(2**127 * (i % 2)))
    where = kinesis.put_record(StreamName='orders', Data=str(i), **to)
    put.append(f"{i} of shard {number(where['ShardId'])} as number {where['SequenceNumber']}")
print('put:', ', '.join(put))
kinesis.merge_shards(StreamName='orders', ShardToMerge=lower, AdjacentShardToMerge=upper)
show('merged')
summary = kinesis.describe_stream_summary(StreamName='orders')['StreamDescriptionSummary']
endless = [shard for shard in shards() if 'EndingSequenceNumber' not in shard['SequenceNumberRange']]
print(f"open shards: {summary['OpenShardCount']}, without an end in the list: {len(endless)}")
kinesis.update_shard_count(StreamName='orders', TargetShardCount=2, ScalingType='UNIFORM_SCALING')
show('2 shards again')
server.stop()
PY
python/bin/python merge.py | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
