#!/usr/bin/env bash
# A beat of async-kinesis takes a checkpoint back that was written, and acknowledged, while the beat was under way.
#
# A good guess: once checkpoint() has returned the row holds that number or a later one, so whoever reads the table, or takes
# the shard after a kill, goes on behind it.
# Package: PyPI async-kinesis 3.0.1 with its DynamoDB checkpointer, against DynamoDB as moto 5.2.5 serves it. Seen: the beat copies
# the numbers of all its shards, and then writes row after row with them, on condition of the owner alone. A checkpoint in between
# is set back to the number before, for a shard that had none to null; the next beat sets it forward again. A process that is
# killed meanwhile leaves the older number, and its records come twice; a tool that copies positions can read one that was
# never where the consumer stood. The more shards a consumer has, the longer a beat takes.
# The way out: read such a table after a clean stop, or twice, a beat apart, and take the later number.
# Output:
#   a row behind its acknowledged checkpoint: seen
#   a row without any number behind its first checkpoint: seen
#   the same rows after two more beats: all at their checkpoint
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
cat > beat.py <<'PY'
import asyncio, logging
import boto3
from kinesis.dynamodb import DynamoDBCheckPointer
from moto.server import ThreadedMotoServer

logging.disable()
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
url = 'http://{}:{}'.format(*server.get_host_and_port())
BEAT, ROUNDS, SHARDS = 0.01, 60, [f'shardId-{n:012}' for n in range(6)]

async def life(name):
    """How many rows were behind, and how many without a number, after checkpoint() had returned; and whether all are right in the end."""
    consumer = DynamoDBCheckPointer(name, id='a', session_timeout=60, heartbeat_frequency=BEAT, endpoint_url=url)
    for shard in SHARDS:
        await consumer.allocate(shard)
    table = boto3.resource('dynamodb', endpoint_url=url).Table(f'kinesis-checkpoints-{name}')
    row = lambda shard: asyncio.to_thread(lambda: table.get_item(Key={'shard_id': shard}, ConsistentRead=True)['Item']['sequence'])
    behind = empty = 0
    last = {}
    for number in range(100, 100 + ROUNDS):
        for shard in SHARDS:
            await consumer.checkpoint(shard, str(number))
            last[shard] = str(number)
            await asyncio.sleep(0.02)
            found = await row(shard)
            empty += found is None
            behind += found is not None and found != last[shard]
        if behind and empty:
            break
    # Each writes once a beat; those under way end first.
    await asyncio.sleep(3)
    settled = [await row(shard) for shard in SHARDS] == list(last.values())
    await consumer.close()
    return behind, empty, settled

async def main():
    behind = empty = 0
    settled = True
    for attempt in range(40):
        more = await life(f'try-{attempt}')
        behind, empty, settled = behind + more[0], empty + more[1], settled and more[2]
        if behind and empty:
            break
    print('a row behind its acknowledged checkpoint:', 'seen' if behind else 'never')
    print('a row without any number behind its first checkpoint:', 'seen' if empty else 'never')
    print('the same rows after two more beats:', 'all at their checkpoint' if settled else 'not all at their checkpoint')

asyncio.run(main())
PY
python/bin/python beat.py 2> errors | tee seen || { cat errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
