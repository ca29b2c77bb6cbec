// A program of KCL's MultiLang protocol in an image that has nothing else: it posts what it gets to COLLECTOR_URL, as the
// example application of handler.http does, and checkpoints each batch.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

type record struct {
	Data         string
	PartitionKey string
}

type message struct {
	Action  string
	ShardID string `json:"shardId"`
	Records []record
	Error   *string
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	next := func() message {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		var told message
		if err := json.Unmarshal(line, &told); err != nil {
			fail("cannot read %q", line)
		}
		return told
	}
	checkpoint := func() {
		fmt.Println(`{"action":"checkpoint","sequenceNumber":null}`)
		if answer := next(); answer.Error != nil {
			fmt.Fprintln(os.Stderr, "checkpoint:", *answer.Error)
		}
	}
	shard := ""
	for {
		told := next()
		switch told.Action {
		case "initialize":
			shard = told.ShardID
		case "processRecords":
			post(shard, told.Records)
			checkpoint()
		case "shardEnded", "shutdownRequested":
			checkpoint()
		}
		fmt.Printf("\n{\"action\":\"status\",\"responseFor\":%q}\n", told.Action)
	}
}

func post(shard string, records []record) {
	type seen struct {
		Key  string `json:"key"`
		Text string `json:"text"`
	}
	body := struct {
		ShardID string `json:"shardId"`
		Pod     string `json:"pod"`
		Records []seen `json:"records"`
	}{ShardID: shard, Pod: os.Getenv("POD_NAME")}
	for _, record := range records {
		data, err := base64.StdEncoding.DecodeString(record.Data)
		if err != nil {
			fail("%v", err)
		}
		body.Records = append(body.Records, seen{record.PartitionKey, string(data)})
	}
	text, _ := json.Marshal(body)
	answer, err := http.Post(os.Getenv("COLLECTOR_URL"), "application/json", bytes.NewReader(text))
	if err != nil {
		fail("%v", err)
	}
	answer.Body.Close()
}

func fail(format string, what ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", what...)
	os.Exit(1)
}
