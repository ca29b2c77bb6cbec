// The test's application: an http handler in another language than the worker's. It takes AWS Lambda's Kinesis event by
// POST, prints each record as "<partition key> <data>", and answers with Lambda's batch response.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

type event struct {
	Records []struct {
		Kinesis struct {
			PartitionKey string `json:"partitionKey"`
			Data         []byte `json:"data"` // base64 in JSON, as Go expects of bytes
		} `json:"kinesis"`
	}
}

func main() {
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var batch event
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, record := range batch.Records {
			fmt.Printf("%s %s\n", record.Kinesis.PartitionKey, record.Kinesis.Data)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"batchItemFailures": []}`)
	})
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
