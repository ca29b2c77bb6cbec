#!/usr/bin/env bash
# With vmware-go-kcl a worker that has lost a shard takes it back by a late checkpoint, sets its position back, and makes
# the lease of the rightful owner look expired to everybody else.
#
# A good guess: as in KCL, whose table it shares the idea of, a checkpoint is written on condition that the lease is still
# one's own, and a worker that slept through it is refused.
# Package: Go github.com/vmware/vmware-go-kcl-v2 1.0.0, its checkpointer as its workers call it, with DynamoDB as moto 5.2.5
# serves it. Seen: leases are taken on a condition, checkpoints are put without one, with the owner and the time-out that
# the writer remembers. So after a pause of one worker (longer than failoverTimeMillis, 10 s by default) the row says what
# that one believes, with a time-out in the past: a third worker takes the shard from a healthy owner, at the older position.
# Output:
#   a has checkpointed 100: owner a, checkpoint 100
#   b has taken it and checkpointed 200: owner b, checkpoint 200
#   c tries to take it: refused
#   a checkpoints 150, late: accepted
#   then: owner a, checkpoint 150
#   c tries to take it: accepted
# Needs Go and Python 3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
cat > main.go <<'GO'
package main

import (
	"context"; "fmt"; "os"; "sync"; "time"
	"github.com/aws/aws-sdk-go-v2/aws"; "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"; "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/checkpoint"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/config"; "github.com/vmware/vmware-go-kcl-v2/clientlibrary/partition"
)
var db = dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(os.Args[1]),
	Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
func worker(name string, failoverMillis int) (*checkpoint.DynamoCheckpoint, *partition.ShardStatus) {
	settings := config.NewKinesisClientLibConfig("leases", "orders", "us-east-1", name).WithFailoverTimeMillis(failoverMillis)
	table := checkpoint.NewDynamoCheckpoint(settings).WithDynamoDB(db)
	must(table.Init())
	return table, &partition.ShardStatus{ID: "shardId-000000000000", Mux: &sync.RWMutex{}}
}
func show(about string) {
	key := map[string]types.AttributeValue{"ShardID": &types.AttributeValueMemberS{Value: "shardId-000000000000"}}
	row, err := db.GetItem(context.TODO(), &dynamodb.GetItemInput{TableName: aws.String("leases"), Key: key})
	must(err)
	text := func(name string) string { return row.Item[name].(*types.AttributeValueMemberS).Value }
	fmt.Printf("%s: owner %s, checkpoint %s\n", about, text("AssignedTo"), text("Checkpoint"))
}
func must(err error) { if err != nil { panic(err) } }
func word(err error) string { if err != nil { return "refused" }; return "accepted" }
func main() {
	a, seenByA := worker("a", 500)
	b, seenByB := worker("b", 60_000)
	c, seenByC := worker("c", 60_000)
	must(a.GetLease(seenByA, "a"))
	seenByA.SetCheckpoint("100")
	must(a.CheckpointSequence(seenByA))
	show("a has checkpointed 100")
	for b.GetLease(seenByB, "b") != nil { time.Sleep(100 * time.Millisecond) }
	seenByB.SetCheckpoint("200")
	must(b.CheckpointSequence(seenByB))
	show("b has taken it and checkpointed 200")
	fmt.Println("c tries to take it:", word(c.GetLease(seenByC, "c")))
	seenByA.SetCheckpoint("150")
	fmt.Println("a checkpoints 150, late:", word(a.CheckpointSequence(seenByA)))
	show("then")
	fmt.Println("c tries to take it:", word(c.GetLease(seenByC, "c")))
}
GO
go mod init local/leases 2> go.log; go get github.com/vmware/vmware-go-kcl-v2@v1.0.0 2>> go.log; go mod tidy 2>> go.log
go build -o leases .
python/bin/python -c "
import subprocess, moto.server
server = moto.server.ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
subprocess.run(['./leases', 'http://{}:{}'.format(*server.get_host_and_port())], check=True)" 2> moto.log | tee seen || { cat moto.log; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
