#!/usr/bin/env bash
# With moto a shard that was split stays open for whoever writes and whoever reads: a consumer that handles resharding
# well, or not at all, looks the same in its tests.
#
# A good guess: SplitShard closes the parent there as it does at AWS: new records go to the children, the parent's last
# GetRecords has no NextShardIterator and names the children, and ListShards filters what it is asked to filter.
# Package: PyPI moto 5.2.5 with boto3 1.44.8. Seen, after SplitShard, with the stream ACTIVE:
# - ListShards shows the parent with an EndingSequenceNumber, and the children; and records go on into the parent, with
#   sequence numbers above its last one, and never into a child;
# - the parent's iterator never ends, and ChildShards is never there: a consumer that waits for the end of the parent
#   never begins the children (and misses nothing, as nothing comes there);
# - ShardFilter is taken and ignored: AT_LATEST and AFTER_SHARD_ID list every shard.
# Output:
#   parent, as listed: closed at 1
#   next record of the same key goes to: the parent, with number 2
#   parent read to its end, five times: next iterator yes, child shards no
#   open shards by AT_LATEST: 0 1 2 3
#   shards after 1 by AFTER_SHARD_ID: 0 1 2 3
# Needs Python 3.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check moto==5.2.5 boto3==1.44.8 botocore==1.44.8
cat > split.py <<'PY'
import boto3
from moto import mock_aws

mock_aws().start()
kinesis = boto3.client('kinesis', region_name='us-east-1')
name = dict(StreamName='orders')
put = lambda: kinesis.put_record(**name, PartitionKey='a', Data=b'data')
number = lambda shard: str(int(shard['ShardId'].rsplit('-')[-1]))
listed = lambda **filter: kinesis.list_shards(**name, **filter)['Shards']
numbers = lambda **filter: ' '.join(number(shard) for shard in listed(ShardFilter=filter))

kinesis.create_stream(**name, ShardCount=2)
first = put()
parent = first['ShardId']
kinesis.split_shard(**name, ShardToSplit=parent, NewStartingHashKey=str(2**126))
assert kinesis.describe_stream_summary(**name)['StreamDescriptionSummary']['StreamStatus'] == 'ACTIVE'
last = listed()[0]['SequenceNumberRange'].get('EndingSequenceNumber')
print('parent, as listed:', f'closed at {last}' if last else 'open')
second = put()
where = 'the parent' if second['ShardId'] == parent else 'a child'
print(f'next record of the same key goes to: {where}, with number', second['SequenceNumber'])
iterator = kinesis.get_shard_iterator(**name, ShardId=parent, ShardIteratorType='TRIM_HORIZON')['ShardIterator']
for _ in range(5):
    page = kinesis.get_records(ShardIterator=iterator)
    iterator = page.get('NextShardIterator')
    if not iterator:
        break
is_there = lambda field: 'yes' if page.get(field) else 'no'
print(f'parent read to its end, five times: next iterator {is_there("NextShardIterator")},', end=' ')
print(f'child shards {is_there("ChildShards")}')
print('open shards by AT_LATEST:', numbers(Type='AT_LATEST'))
print('shards after 1 by AFTER_SHARD_ID:', numbers(Type='AFTER_SHARD_ID', ShardId='shardId-000000000001'))
PY
python/bin/python split.py | tee seen
diff seen - <<'SEEN'
parent, as listed: closed at 1
next record of the same key goes to: the parent, with number 2
parent read to its end, five times: next iterator yes, child shards no
open shards by AT_LATEST: 0 1 2 3
shards after 1 by AFTER_SHARD_ID: 0 1 2 3
SEEN
