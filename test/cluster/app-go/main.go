// The tests' application: an http handler in another language than the worker's. It takes AWS Lambda's Kinesis event by
// POST, forwards what came to the collector of the test, and answers with Lambda's batch response.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

type event struct {
	Records []struct {
		EventID string // <shard>:<sequence number>
		Kinesis struct {
			PartitionKey string
			Data         []byte // base64 in JSON, as Go has it
		}
	}
}

type record struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

type delivery struct {
	ShardID string   `json:"shardId"`
	Pod     string   `json:"pod"`
	Records []record `json:"records"`
}

func handle(w http.ResponseWriter, r *http.Request) {
	var batch event
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seen := delivery{Pod: os.Getenv("POD_NAME")}
	for _, each := range batch.Records {
		seen.ShardID, _, _ = strings.Cut(each.EventID, ":")
		seen.Records = append(seen.Records, record{each.Kinesis.PartitionKey, string(each.Kinesis.Data)})
	}
	body, _ := json.Marshal(seen)
	answer, err := http.Post(os.Getenv("COLLECTOR_URL"), "application/json", bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	answer.Body.Close()
	fmt.Printf("%s: %d records\n", seen.ShardID, len(seen.Records))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"batchItemFailures": []}`)
}

func main() {
	http.HandleFunc("POST /", handle)
	log.Fatal(http.ListenAndServe(":8080", nil))
}
