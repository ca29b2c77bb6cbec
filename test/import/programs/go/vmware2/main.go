// vmware2 STREAM TABLE KINESIS DYNAMODB: reads until it is told to stop, and checkpoints each batch.
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	cfg "github.com/vmware/vmware-go-kcl-v2/clientlibrary/config"
	kcl "github.com/vmware/vmware-go-kcl-v2/clientlibrary/interfaces"
	"github.com/vmware/vmware-go-kcl-v2/clientlibrary/worker"
)

type processor struct{}

func (processor) CreateProcessor() kcl.IRecordProcessor { return processor{} }
func (processor) Initialize(input *kcl.InitializationInput) { fmt.Println("shard", input.ShardId) }
func (processor) ProcessRecords(input *kcl.ProcessRecordsInput) {
	if n := len(input.Records); n > 0 {
		fmt.Println("records", n, input.Checkpointer.Checkpoint(input.Records[n-1].SequenceNumber))
	}
}
func (processor) Shutdown(input *kcl.ShutdownInput) {
	fmt.Println("shutdown", input.ShutdownReason)
	if input.ShutdownReason == kcl.TERMINATE {
		fmt.Println("end", input.Checkpointer.Checkpoint(nil))
	}
}

func main() {
	config := cfg.NewKinesisClientLibConfig(os.Args[2], os.Args[1], "eu-west-1", "worker-1").
		WithInitialPositionInStream(cfg.TRIM_HORIZON).WithShardSyncIntervalMillis(2000).WithFailoverTimeMillis(6000)
	config.KinesisEndpoint, config.DynamoDBEndpoint = os.Args[3], os.Args[4]
	w := worker.NewWorker(processor{}, config)
	if err := w.Start(); err != nil {
		log.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	<-signals
	w.Shutdown()
	fmt.Println("ended")
}
