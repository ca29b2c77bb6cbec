// harlow STREAM TABLE KINESIS DYNAMODB [group]: reads with store/ddb, in a consumer group when asked, until it is told to stop.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	consumer "github.com/harlow/kinesis-consumer"
	groupddb "github.com/harlow/kinesis-consumer/group/consumergroup/ddb"
	"github.com/harlow/kinesis-consumer/store/ddb"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	stream, table := os.Args[1], os.Args[2]
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadDefaultConfig(ctx)
	check(err)
	streams := kinesis.NewFromConfig(cfg, func(o *kinesis.Options) { o.BaseEndpoint = aws.String(os.Args[3]) })
	tables := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(os.Args[4]) })
	// It makes no table itself.
	_, err = tables.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            &table,
		BillingMode:          ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("namespace"), AttributeType: "S"}, {AttributeName: aws.String("shard_id"), AttributeType: "S"}},
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("namespace"), KeyType: "HASH"}, {AttributeName: aws.String("shard_id"), KeyType: "RANGE"}},
	})
	fmt.Println("table", err)
	check(dynamodb.NewTableExistsWaiter(tables).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, time.Minute))
	store, err := ddb.New("app", table, ddb.WithDynamoClient(tables), ddb.WithMaxInterval(time.Second))
	check(err)
	options := []consumer.Option{
		consumer.WithClient(streams), consumer.WithStore(store), consumer.WithScanInterval(time.Second),
		consumer.WithShardIteratorType(string(types.ShardIteratorTypeTrimHorizon)),
	}
	if len(os.Args) > 5 {
		group, err := groupddb.NewGroup(groupddb.GroupConfig{
			GroupName: "app", AppName: "app", StreamName: stream, WorkerID: "worker-1", KinesisClient: streams,
			Repository: groupddb.Config{Client: tables, TableName: table}, CheckpointStore: store,
			LeaseDuration: 6 * time.Second, RenewInterval: time.Second, AssignInterval: time.Second,
		})
		check(err)
		options = append(options, consumer.WithGroup(group))
	}
	c, err := consumer.New(stream, options...)
	check(err)
	err = c.Scan(ctx, func(r *consumer.Record) error { fmt.Println("record", *r.SequenceNumber); return nil })
	fmt.Println("ended", err, store.Shutdown())
}
