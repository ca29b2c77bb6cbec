#!/usr/bin/env bash
# harlow/kinesis-consumer, told to open KPL aggregates, loses the rest of an aggregate when the program stops inside of it.
#
# A good guess: a checkpoint says that a record was processed, so after a stop at the second of three user records the
# program goes on with the second.
# Packages: Go github.com/harlow/kinesis-consumer 0.5.0 with WithAggregation(true) and its memory store, and
# github.com/awslabs/kinesis-aggregation/go/v2, which opens aggregates for it; a stream of one aggregated record is made
# up in the program. Seen: each user record has the sequence number of the whole, which has no place for a sub-sequence
# number in the store; the checkpoint after the first one is already that of the whole, and the next run begins
# behind it. So it is with every error of the callback, every deployment and every crash; without aggregation none is lost.
# The way out: no WithAggregation, and DeaggregateRecords in the callback, which then handles an aggregate as a whole.
# Output:
#   first run: one, two fails
#   second run: four
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"context"; "crypto/md5"; "errors"; "fmt"; "strings"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"; "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	agg "github.com/awslabs/kinesis-aggregation/go/v2/records"
	"github.com/golang/protobuf/proto"
	consumer "github.com/harlow/kinesis-consumer"
	store "github.com/harlow/kinesis-consumer/store/memory"
)

// A closed shard with two records: an aggregate of one, two, three with the number 1, and a plain one, four, with 2.
type stream struct{ *kinesis.Client }

func (stream) GetShardIterator(_ context.Context, in *kinesis.GetShardIteratorInput, _ ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	return &kinesis.GetShardIteratorOutput{ShardIterator: aws.String("after " + aws.ToString(in.StartingSequenceNumber))}, nil
}

func (stream) GetRecords(_ context.Context, in *kinesis.GetRecordsInput, _ ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	whole := &agg.AggregatedRecord{PartitionKeyTable: []string{"key"}}
	for _, text := range []string{"one", "two", "three"} {
		whole.Records = append(whole.Records, &agg.Record{PartitionKeyIndex: proto.Uint64(0), Data: []byte(text)})
	}
	packed, _ := proto.Marshal(whole)
	digest := md5.Sum(packed)
	packed = append(append([]byte{0xF3, 0x89, 0x9A, 0xC2}, packed...), digest[:]...)
	records := []types.Record{
		{SequenceNumber: aws.String("1"), PartitionKey: aws.String("key"), Data: packed},
		{SequenceNumber: aws.String("2"), PartitionKey: aws.String("key"), Data: []byte("four")},
	}
	if *in.ShardIterator == "after 1" {
		records = records[1:]
	}
	return &kinesis.GetRecordsOutput{Records: records}, nil
}

func main() {
	positions := store.New()
	for _, run := range []string{"first", "second"} {
		reader, _ := consumer.New("orders", consumer.WithClient(stream{}), consumer.WithStore(positions), consumer.WithAggregation(true))
		var seen []string
		reader.ScanShard(context.Background(), "shardId-000000000000", func(record *consumer.Record) error {
			if run == "first" && string(record.Data) == "two" {
				seen = append(seen, "two fails")
				return errors.New("try again")
			}
			seen = append(seen, string(record.Data))
			return nil
		})
		fmt.Printf("%s run: %s\n", run, strings.Join(seen, ", "))
	}
}
GO
go mod init local/read 2> go.log
go get github.com/harlow/kinesis-consumer@v0.5.0 2>> go.log
go mod tidy 2>> go.log || { cat go.log; exit 1; }
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
