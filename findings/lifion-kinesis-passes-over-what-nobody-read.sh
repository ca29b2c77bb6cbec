#!/usr/bin/env bash
# lifion-kinesis writes its checkpoint before anybody has read the records, and goes on to read: what waits in the process when it ends
# never comes again.
#
# A good guess: a consumer that keeps checkpoints by itself keeps those of what has been taken from its stream, and a Node stream that nobody
# reads stops its source when its buffer is full.
# Package: npm lifion-kinesis 1.3.3 as it is (useAutoCheckpoints), with npm kinesalite 3.3.3 and dynalite 4.0.0. Seen, with a consumer from
# which nothing is read, as one that is busy with its first batch: each batch is checkpointed as it comes and then pushed, whatever push()
# answers; the batches wait in memory, without a bound, and after a crash, a deployment or an error in the handler the next process begins
# behind them, once the old one's lease of five minutes is over. So delivery is at most once, where KCL's habit is at least once.
# The way out: useAutoCheckpoints: false and setCheckpoint() of each batch when it is done, with usePausedPolling: true and
# continuePolling(), without which reading goes on all the same.
# Output:
#   as it is: batches put: 3, read: none, waiting in its stream: 3
#   as it is: behind the checkpoint in the table: none
#   useAutoCheckpoints: false: batches put: 3, read: none, waiting in its stream: 3
#   useAutoCheckpoints: false: behind the checkpoint in the table: 1 2 3
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . lifion-kinesis@1.3.3 kinesalite@3.3.3 dynalite@4.0.0
cat > process.cjs <<'JS'
const { setTimeout: sleep } = require('node:timers/promises');
const Kinesis = require('lifion-kinesis');

async function main(options) {
  const orders = new Kinesis({ initialPositionInStream: 'TRIM_HORIZON', ...options });
  await orders.startConsumer();
  const waiting = () => orders.readableLength + orders.writableLength;
  for (let number = 1; number <= 3; number += 1) {
    await orders.putRecord({ data: String(number) });
    while (waiting() < number) await sleep(100);
  }
  console.log(waiting());
}

main(JSON.parse(process.argv[2])).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
JS
cat > ask.cjs <<'JS'
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const AWS = require('aws-sdk');
const dynalite = require('dynalite');
const kinesalite = require('kinesalite');

const ShardId = 'shardId-000000000000';

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { endpoint: `http://127.0.0.1:${server.address().port}`, region: 'us-east-1' };
}

async function main() {
  const kinesis = await listen(kinesalite({ createStreamMs: 0 }));
  const dynamoDb = await listen(dynalite({ createTableMs: 0 }));
  const client = new AWS.Kinesis({ ...kinesis });
  const table = new AWS.DynamoDB.DocumentClient({ ...dynamoDb });

  /** What a process begins with that takes the shard over. */
  async function behindCheckpoint(StreamName) {
    const { Items } = await table.scan({ TableName: 'lifion-kinesis-state' }).promise();
    const { checkpoint } = Items.find((item) => item.streamName === StreamName).shards[ShardId];
    const from = checkpoint
      ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: checkpoint }
      : { ShardIteratorType: 'TRIM_HORIZON' };
    const { ShardIterator } = await client.getShardIterator({ StreamName, ShardId, ...from }).promise();
    const { Records } = await client.getRecords({ ShardIterator }).promise();
    return Records.map(({ Data }) => String(Data)).join(' ') || 'none';
  }
  async function ask(about, streamName, more) {
    const options = JSON.stringify({ streamName, ...kinesis, ...more, dynamoDb });
    const { stdout } = await promisify(execFile)(process.execPath, ['process.cjs', options], { timeout: 300_000 });
    console.log(`${about}: batches put: 3, read: none, waiting in its stream: ${stdout.trim()}`);
    console.log(`${about}: behind the checkpoint in the table: ${await behindCheckpoint(streamName)}`);
  }

  await ask('as it is', 'orders', {});
  await ask('useAutoCheckpoints: false', 'payments', { useAutoCheckpoints: false });
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
JS
node ask.cjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
