#!/usr/bin/env bash
# Amazon's aggregator for Node gives user records the partition keys of others, as soon as a key is a whole number below 2^32 and
# comes behind a larger one or a word.
#
# A good guess: each user record comes out under the key that it was put with, as its order in the aggregate and its data do.
# Packages: npm aws-kinesis-agg 4.2.8, read by itself and by PyPI aws_kinesis_agg 1.2.3. Seen: each record names its key by
# its place in the aggregate's table; places are counted as keys first come, and the table is written as Object.keys lists them, which
# has whole numbers first, by size. So customer 10's order is customer 2's for whoever reads it, in every language, and no digest and
# no error tells. Keys with a letter, a dash or a leading zero are right, and longer numbers, so that a test with "a" and "b" is, too.
# Who reads by key (joins, lanes, deduplication) reads a wrong one. The way out: a letter in front of each key, an aggregate for each
# key, or the key inside of the data.
# Output:
#   put: a=1 b=2; read by Node: a=1 b=2; read by Python: a=1 b=2
#   put: 2=1 10=2; read by Node: 2=1 10=2; read by Python: 2=1 10=2
#   put: 10=1 2=2; read by Node: 2=1 10=2; read by Python: 2=1 10=2
#   put: a=1 7=2 3=3; read by Node: 3=1 7=2 a=3; read by Python: 3=1 7=2 a=3
#   put: 5000000000=1 4300000000=2; read by Node: 5000000000=1 4300000000=2; read by Python: 5000000000=1 4300000000=2
#   put: k10=1 k2=2; read by Node: k10=1 k2=2; read by Python: k10=1 k2=2
# Needs Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . aws-kinesis-agg@4.2.8
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check aws_kinesis_agg==1.2.3 six==1.17.0
cat > put.js <<'JS'
const { RecordAggregator, deaggregateSync } = require('aws-kinesis-agg');

const put = process.argv.slice(2).map((key, index) => ({ partitionKey: key, data: Buffer.from(`${index + 1}`) }));
const aggregate = new RecordAggregator();
for (const record of put) aggregate.addUserRecord(record);
const data = aggregate.build().data.toString('base64');
const inWords = (records, dataOf) => records.map((record) => `${record.partitionKey}=${dataOf(record)}`).join(' ');
deaggregateSync({ kinesisSchemaVersion: '1.0', partitionKey: put[0].partitionKey, sequenceNumber: '1', data }, true, (error, read) => {
  if (error) throw error;
  const byNode = inWords(read, (record) => Buffer.from(record.data, 'base64'));
  console.log(data);
  console.log(`put: ${inWords(put, (record) => record.data)}; read by Node: ${byNode}`);
});
JS
cat > read.py <<'PY'
import base64, sys
from aws_kinesis_agg.deaggregator import deaggregate_records

data, told = sys.stdin.read().splitlines()
record = dict(eventID='shardId-000000000000:1', kinesis=dict(
    kinesisSchemaVersion='1.0', partitionKey='a', sequenceNumber='1', approximateArrivalTimestamp=1764374400, data=data))
read = [user['kinesis'] for user in deaggregate_records([record])]
print(f'{told}; read by Python:', *(f'{user["partitionKey"]}={base64.b64decode(user["data"]).decode()}' for user in read))
PY
for keys in 'a b' '2 10' '10 2' 'a 7 3' '5000000000 4300000000' 'k10 k2'; do
  # shellcheck disable=SC2086
  node put.js $keys | python/bin/python read.py
done | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
