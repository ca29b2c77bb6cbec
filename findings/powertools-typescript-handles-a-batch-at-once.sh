#!/usr/bin/env bash
# The batch processor of Powertools for AWS Lambda in TypeScript handles all records of a Kinesis batch at once: there is no
# order among records of one partition key, and what comes after a failed record has been done already.
#
# A good guess: records of a shard are handled one after the other, as that is what a shard is for, and as the processor of
# the same name in Python does; after the first failure the rest is left for the next try.
# Package: npm @aws-lambda-powertools/batch 2.35.0 with EventType.KinesisDataStreams. Seen, unless told otherwise:
# - the handlers of all records are begun before any is done, so a quick later record of a key overtakes a slow earlier one;
# - with { processInParallel: false } they come one by one, but go on behind a failure: the batch comes again from the
#   failed record on, and what followed it is done twice, and once out of order;
# - a batch of which every record fails, so also one record, is an error of the whole function, not a list of failures.
# The way out: processInParallel: false, throwOnFullBatchFailure: false, and a handler that can be repeated.
# Output:
#   as it is: begin slow, begin quick, end quick, end slow: {"batchItemFailures":[]}
#   in turn: begin slow, end slow, begin quick, end quick: {"batchItemFailures":[]}
#   in turn, the first fails: begin bad, begin quick, end quick: {"batchItemFailures":[{"itemIdentifier":"1"}]}
#   one record that fails: begin bad: FullBatchFailureError
#   the same, as failures: begin bad: {"batchItemFailures":[{"itemIdentifier":"1"}]}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-lambda-powertools/batch@2.35.0
cat > handle.mjs <<'JS'
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';

const record = (data, index) => ({
  eventID: `shardId-000000000000:${index + 1}`,
  eventSource: 'aws:kinesis',
  kinesis: { partitionKey: 'one', sequenceNumber: `${index + 1}`, data: Buffer.from(data).toString('base64') },
});

async function handle(about, data, options) {
  const seen = [];
  const handler = async ({ kinesis }) => {
    const what = Buffer.from(kinesis.data, 'base64').toString();
    seen.push(`begin ${what}`);
    // One turn of the loop, or many: slow is done last whatever the clock does.
    for (let turns = what === 'slow' ? 100 : 1; turns > 0; turns -= 1) await new Promise(setImmediate);
    if (what === 'bad') throw new Error(what);
    seen.push(`end ${what}`);
  };
  const processor = new BatchProcessor(EventType.KinesisDataStreams);
  const answer = await processPartialResponse({ Records: data.map(record) }, handler, processor, options).then(
    JSON.stringify,
    (error) => error.name,
  );
  console.log(`${about}: ${seen.join(', ')}: ${answer}`);
}

await handle('as it is', ['slow', 'quick']);
await handle('in turn', ['slow', 'quick'], { processInParallel: false });
await handle('in turn, the first fails', ['bad', 'quick'], { processInParallel: false });
await handle('one record that fails', ['bad']);
await handle('the same, as failures', ['bad'], { throwOnFullBatchFailure: false });
JS
node handle.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
