#!/usr/bin/env bash
# a8m/kinesis-producer packs user records of many partition keys into an aggregate that knows only the first of them.
#
# A good guess: an aggregate keeps the partition key of each user record, as the format has a table of keys for it and
# KPL fills it; so whoever reads finds each record under the key that it was put with.
# Packages: Go github.com/a8m/kinesis-producer 0.2.0; read by PyPI aws-kinesis-agg 1.2.3, Amazon's. Seen: records put with
# the keys alice, bob and carol come out as alice's, all three, without an error on either side, as long as they are small
# enough to be aggregated (a larger one goes plain, with its own key: the same record changes its key with its size).
# All go to the shard of the first key, so records of one key are on several shards, and there is no order among them.
# Who reads by key (joins, lanes, deduplication) reads a wrong one. The way out: the key inside of the data, or no aggregation.
# Output:
#   put: alice=1 bob=2 carol=3
#   read: alice=1 alice=2 alice=3
# Needs Go and Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check aws_kinesis_agg==1.2.3 six==1.17.0
cat > main.go <<'GO'
package main

import (
	"encoding/base64"
	"log"
	"os"

	producer "github.com/a8m/kinesis-producer"
	"github.com/aws/aws-sdk-go/service/kinesis"
)

// A stream that prints what is put into it.
type stream struct{}

func (stream) PutRecords(in *kinesis.PutRecordsInput) (*kinesis.PutRecordsOutput, error) {
	for _, record := range in.Records {
		os.Stdout.WriteString(*record.PartitionKey + " " + base64.StdEncoding.EncodeToString(record.Data) + "\n")
	}
	failed := int64(0)
	return &kinesis.PutRecordsOutput{FailedRecordCount: &failed}, nil
}

func main() {
	logger := &producer.StdLogger{Logger: log.Default()}
	out := producer.New(&producer.Config{StreamName: "orders", Client: stream{}, Logger: logger})
	out.Start()
	for i, key := range os.Args[1:] {
		if err := out.Put([]byte{byte('1' + i)}, key); err != nil {
			panic(err)
		}
	}
	out.Stop()
}
GO
cat > read.py <<'PY'
import base64
import sys
from aws_kinesis_agg.deaggregator import deaggregate_records

seen = []
for line in sys.stdin:
    key, data = line.split()
    record = dict(kinesis=dict(partitionKey=key, data=data, sequenceNumber='1', kinesisSchemaVersion='1.0', approximateArrivalTimestamp=1))
    seen += deaggregate_records([record])
print('read:', *(f"{r['kinesis']['partitionKey']}={base64.b64decode(r['kinesis']['data']).decode()}" for r in seen))
PY
go mod init local/put 2> go.log
go get github.com/a8m/kinesis-producer@v0.2.0 2>> go.log
go mod tidy 2>> go.log || { cat go.log; exit 1; }
{
  echo 'put: alice=1 bob=2 carol=3'
  go run . alice bob carol 2> put.log | python/bin/python read.py
} | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
