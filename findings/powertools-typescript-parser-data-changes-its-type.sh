#!/usr/bin/env bash
# The Kinesis schema of Powertools for AWS Lambda's parser for TypeScript gives data of whatever type its bytes happen to make:
# bytes that are no UTF-8 come out broken, long numbers come out rounded, compressed text comes out as garbage.
#
# A good guess: the schema decodes base64 and leaves the rest to me, as the parser of the same name for Python does (bytes), or it
# refuses what it cannot read.
# Package: npm @aws-lambda-powertools/parser 2.35.0, KinesisDataStreamSchema with nothing added, given valid events. Seen:
# - what is JSON is parsed unasked: the text 1234567890123456789 is a number, and another one; the text null is null;
# - gzip is opened only around JSON; around other text the compressed bytes come out, read as UTF-8;
# - any other bytes are read as UTF-8, and what is none (protobuf, a KPL aggregate) is replaced for good; two different
#   records can come out equal. Nothing is refused, and the original is nowhere in the result.
# The way out: record.kinesis.data of the event as it came, decoded by oneself.
# Output:
#   order 7: string "order 7"
#   {"id":7}: object {"id":7}
#   1234567890123456789: number 1234567890123456800
#   null: object null
#   gzip of {"id":7}: object {"id":7}
#   gzip of order 7: string, without the words order 7
#   bytes 08 96 01: string of bytes 08 ef bf bd 01
#   bytes 08 97 01: string of bytes 08 ef bf bd 01
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @aws-lambda-powertools/parser@2.35.0 zod@4.6.7
cat > parse.mjs <<'JS'
import { gzipSync } from 'node:zlib';
import { KinesisDataStreamSchema } from '@aws-lambda-powertools/parser/schemas/kinesis';

function parse(bytes) {
  const record = {
    eventID: 'shardId-000000000000:1',
    eventName: 'aws:kinesis:record',
    eventSource: 'aws:kinesis',
    eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
    eventVersion: '1.0',
    awsRegion: 'eu-west-1',
    invokeIdentityArn: 'arn:aws:iam::123456789012:role/orders',
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: 'one',
      sequenceNumber: '1',
      approximateArrivalTimestamp: 1545084650.987,
      data: Buffer.from(bytes).toString('base64'),
    },
  };
  return KinesisDataStreamSchema.parse({ Records: [record] }).Records[0].kinesis.data;
}

const show = (about, data) => console.log(`${about}: ${typeof data} ${JSON.stringify(data)}`);
for (const text of ['order 7', '{"id":7}', '1234567890123456789', 'null']) show(text, parse(text));
show('gzip of {"id":7}', parse(gzipSync('{"id":7}')));
const opened = parse(gzipSync('order 7'));
console.log(`gzip of order 7: ${typeof opened}, ${opened.includes('order 7') ? 'with' : 'without'} the words order 7`);
const hex = (bytes) => Buffer.from(bytes).toString('hex').match(/../g).join(' ');
for (const bytes of [[0x08, 0x96, 0x01], [0x08, 0x97, 0x01]]) {
  const data = parse(bytes);
  console.log(`bytes ${hex(bytes)}: ${typeof data} of bytes ${hex(data)}`);
}
JS
node parse.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
