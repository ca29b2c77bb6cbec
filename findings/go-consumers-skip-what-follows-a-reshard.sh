#!/usr/bin/env bash
# vmware-go-kcl and harlow/kinesis-consumer, begun at LATEST, which is the default of both, skip what comes to a new shard between the split
# and the moment when they first read it: up to half a minute or a minute of records, at each reshard, without an error.
#
# A good guess: LATEST says where the consumer begins on its first day; a child of a shard that it has read to the end is read from its first
# record, as KCL does.
# Packages: Go github.com/vmware/vmware-go-kcl-v2 1.0.0 and github.com/harlow/kinesis-consumer 0.5.0, with npm kinesis-local 0.6.2 and, for the
# leases of the first, PyPI moto 5.2.5. Seen: a shard without a checkpoint begins at the initial position, whatever its parents are; shards
# are listed every 60 s and every 30 s, and a child waits for its parent besides. Scaling a stream up under load is when most is lost.
# The way out: TRIM_HORIZON, and positions in the table before the first start if a backlog shall be skipped.
# Output:
#   vmware-go-kcl: before the split: read, right after it: not read, later: read
#   harlow/kinesis-consumer: before the split: read, right after it: not read, later: read
# Needs Go, Python 3, and some minutes.
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . kinesis-local@0.6.2
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	harlow "github.com/harlow/kinesis-consumer"
	"github.com/sirupsen/logrus"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/checkpoint"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/config"
	kcl "github.com/vmware/vmware-go-kcl-v2/clientlibrary/interfaces"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/worker"
	"github.com/vmware/vmware-go-kcl-v2/logger"
)

var (
	ctx    = context.Background()
	keys   = credentials.NewStaticCredentialsProvider("local", "local", "")
	stream = kinesis.New(kinesis.Options{Region: "us-east-1", BaseEndpoint: aws.String(os.Args[1]), Credentials: keys})
	table  = dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(os.Args[2]), Credentials: keys})
)

// What one consumer has been given.
type seen struct {
	sync.Mutex
	texts map[string]bool
}

func (s *seen) add(data []byte) { s.Lock(); s.texts[string(data)] = true; s.Unlock() }
func (s *seen) has(text string) bool { s.Lock(); defer s.Unlock(); return s.texts[text] }
func (s *seen) word(text string) string { if s.has(text) { return "read" }; return "not read" }

type processor struct{ *seen }

func (p processor) CreateProcessor() kcl.IRecordProcessor { return p }
func (p processor) Initialize(*kcl.InitializationInput)  {}
func (p processor) ProcessRecords(input *kcl.ProcessRecordsInput) {
	for _, record := range input.Records {
		p.add(record.Data)
	}
	if len(input.Records) > 0 {
		must(input.Checkpointer.Checkpoint(input.Records[len(input.Records)-1].SequenceNumber))
	}
}
func (p processor) Shutdown(input *kcl.ShutdownInput) {
	if input.ShutdownReason == kcl.TERMINATE {
		must(input.Checkpointer.Checkpoint(nil))
	}
}

func must(err error) { if err != nil { panic(err) } }
func put(text string) {
	_, err := stream.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("orders"), PartitionKey: aws.String("a"), Data: []byte(text)})
	must(err)
}
func putUntilRead(text string, readers ...*seen) {
	for _, reader := range readers {
		for !reader.has(text) {
			put(text)
			time.Sleep(time.Second)
		}
	}
}
func waitUntilActive() {
	for {
		time.Sleep(time.Second)
		summary, err := stream.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("orders")})
		must(err)
		if summary.StreamDescriptionSummary.StreamStatus == "ACTIVE" {
			return
		}
	}
}

func main() {
	_, err := stream.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("orders"), ShardCount: aws.Int32(1)})
	must(err)
	waitUntilActive()
	byVmware, byHarlow := &seen{texts: map[string]bool{}}, &seen{texts: map[string]bool{}}

	log := logrus.New()
	log.SetOutput(os.Stderr)
	settings := config.NewKinesisClientLibConfig("leases", "orders", "us-east-1", "worker").WithLogger(logger.NewLogrusLogger(log))
	leases := checkpoint.NewDynamoCheckpoint(settings).WithDynamoDB(table)
	must(worker.NewWorker(processor{byVmware}, settings).WithKinesis(stream).WithCheckpointer(leases).Start())

	reader, err := harlow.New("orders", harlow.WithClient(stream))
	must(err)
	go func() {
		must(reader.Scan(ctx, func(record *harlow.Record) error { byHarlow.add(record.Data); return nil }))
	}()

	putUntilRead("before", byVmware, byHarlow)
	middle := aws.String("170141183460469231731687303715884105728")
	parent := aws.String("shardId-000000000000")
	_, err = stream.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: aws.String("orders"), ShardToSplit: parent, NewStartingHashKey: middle})
	must(err)
	waitUntilActive()
	put("right after")
	time.Sleep(time.Second)
	putUntilRead("later", byVmware, byHarlow)
	time.Sleep(5 * time.Second)
	for _, it := range []struct{ name string; *seen }{{"vmware-go-kcl", byVmware}, {"harlow/kinesis-consumer", byHarlow}} {
		fmt.Printf("%s: before the split: %s, right after it: %s, later: %s\n", it.name, it.word("before"), it.word("right after"), it.word("later"))
	}
}
GO
go mod init local/reshard 2> go.log
go get github.com/vmware/vmware-go-kcl-v2@v1.0.0 github.com/harlow/kinesis-consumer@v0.5.0 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go build -o reshard . || exit 1
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
kinesis=$(free_port) dynamodb=$(free_port)
export KINESIS_MOCK_PLAIN_PORT=$kinesis KINESIS_MOCK_TLS_PORT LOG_LEVEL=ERROR
KINESIS_MOCK_TLS_PORT=$(free_port)
(cd node_modules/kinesis-local && exec node main.js) > kinesis.log 2>&1 &
servers+=($!)
python/bin/moto_server -p "$dynamodb" > moto.log 2>&1 &
servers+=($!)
for port in "$kinesis" "$dynamodb"; do
  until (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.5; done
done
timeout 600 ./reshard "http://127.0.0.1:$kinesis" "http://127.0.0.1:$dynamodb" 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
