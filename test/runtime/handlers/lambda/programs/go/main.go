// Does what the data of its records say.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// A reader that has a whole answer to give, and fails after it.
type failing struct{ rest io.Reader }

func (reader failing) Read(into []byte) (int, error) {
	n, err := reader.rest.Read(into)
	if err == io.EOF {
		return n, errors.New("told to fail half-way")
	}
	return n, err
}

func handle(ctx context.Context, event events.KinesisEvent) (any, error) {
	answer := events.KinesisEventResponse{}
	about, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	for _, record := range event.Records {
		text := string(record.Kinesis.Data)
		fmt.Println("record", text, about.AwsRequestID, time.Until(deadline).Milliseconds())
		switch text {
		case "raise":
			return nil, errors.New("told to raise " + strings.Repeat("ü", 20_000))
		case "exit":
			os.Exit(3)
		case "hang":
			time.Sleep(10 * time.Minute)
		case "panic":
			panic("told to panic")
		case "panic-elsewhere":
			go func() { panic("told to panic elsewhere") }()
			select {}
		case "half-way":
			return failing{strings.NewReader(`{"batchItemFailures":[]}`)}, nil
		case "fail":
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: record.Kinesis.SequenceNumber})
		}
	}
	return answer, collect(event)
}

// Forwards the records to COLLECTOR_URL, if there is one.
func collect(event events.KinesisEvent) error {
	url := os.Getenv("COLLECTOR_URL")
	if url == "" {
		return nil
	}
	type record struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
	records := []record{}
	for _, each := range event.Records {
		records = append(records, record{each.Kinesis.PartitionKey, string(each.Kinesis.Data)})
	}
	shard, _, _ := strings.Cut(event.Records[0].EventID, ":")
	// Lambda's log stream is a sandbox; here it is the pod.
	body, _ := json.Marshal(map[string]any{"shardId": shard, "pod": lambdacontext.LogStreamName, "records": records})
	answer, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func main() {
	lambda.Start(handle)
}
