// An http handler in Go: takes AWS Lambda's Kinesis event by POST and answers with Lambda's batch response. Any language
// does it the same way, and a function written for Lambda needs nothing but a web server round it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

type event struct {
	Records []struct {
		EventID string // <shard>:<sequence number>
		Kinesis struct {
			PartitionKey   string
			SequenceNumber string
			Data           []byte // base64 in JSON, as Go has it
		}
	}
}

type failure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

type response struct {
	// Everything before the first of these is done; an empty list: everything is.
	BatchItemFailures []failure `json:"batchItemFailures"`
}

func handle(w http.ResponseWriter, r *http.Request) {
	var batch event
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result := response{BatchItemFailures: []failure{}}
	if err := process(batch); err != nil {
		log.Print(err)
		result.BatchItemFailures = append(result.BatchItemFailures, failure{batch.Records[0].Kinesis.SequenceNumber})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(result)
}

// process prints the records, or forwards them to COLLECTOR_URL.
func process(batch event) error {
	type record struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
	records := []record{}
	for _, each := range batch.Records {
		records = append(records, record{each.Kinesis.PartitionKey, string(each.Kinesis.Data)})
	}
	shard, _, _ := strings.Cut(batch.Records[0].EventID, ":")
	url := os.Getenv("COLLECTOR_URL")
	if url == "" {
		fmt.Printf("%s: %d records\n", shard, len(records))
		return nil
	}
	body, err := json.Marshal(map[string]any{"shardId": shard, "pod": os.Getenv("POD_NAME"), "records": records})
	if err != nil {
		return err
	}
	answer, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// main ends with 0 at SIGTERM, once the batches that are in work are answered: kcg lets the worker drain before the
// container is told to end, so there are seldom any. Without a handler of SIGTERM the pod would be listed as failed.
func main() {
	http.HandleFunc("POST /", handle)
	server := &http.Server{Addr: ":8080"}
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ended := make(chan error)
	go func() {
		<-told.Done()
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}
