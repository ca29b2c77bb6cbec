#!/usr/bin/env bash
# An event recorder of client-go writes 25 events of a type about an object, and then one in five minutes: the rest are dropped
# without a word, the important one among them; and from the tenth of a reason on, messages are no longer told apart.
#
# A good guess: repeated events are counted in one object, events that differ are all written, and what is lost is logged.
# Package: Go k8s.io/client-go 0.36.2, tools/record, with its fake clientset; controller-runtime's GetEventRecorderFor is the
# same recorder. Seen, unless told otherwise:
# - the limit is by source, object and type, over all reasons: a warning of another reason after 40 warnings is gone;
# - ten events of one reason in ten minutes are one series, whatever their messages say: from then on one object is rewritten with
#   "(combined from similar events)" and the last message. "shard 3 is stuck" is overwritten by "shard 7 is stuck".
# So an operator that tells of each shard by an event is heard for the first ones only, and a test with few shards never sees it.
# The way out: one event for all shards, with their number; conditions and metrics for what must be seen; or
# record.NewBroadcaster(record.WithCorrelatorOptions(…)) with a larger BurstSize and MaxEvents.
# Output:
#   40 warnings of 40 reasons: 25 written
#   another warning after them: 0 written
#   20 messages of one reason: 10 written
#   the last of these: (combined from similar events): shard 19 is stuck, count 11
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

func main() {
	client := fake.NewClientset()
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typed.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(runtime.NewScheme(), core.EventSource{Component: "operator"})
	group := func(name string) *core.ObjectReference {
		return &core.ObjectReference{APIVersion: "example.com/v1", Kind: "Group", Namespace: "default", Name: name, UID: "1"}
	}
	for i := range 40 {
		recorder.Event(group("orders"), core.EventTypeWarning, fmt.Sprintf("Slow%d", i), "took long")
	}
	recorder.Event(group("orders"), core.EventTypeWarning, "Stuck", "nothing is read any more")
	for i := range 20 {
		recorder.Event(group("bills"), core.EventTypeWarning, "ShardStuck", fmt.Sprintf("shard %d is stuck", i))
	}
	// Events are written in order, by another goroutine: those of a third object end it.
	recorder.Event(group("last"), core.EventTypeNormal, "Last", "last")
	var slow, stuck, shards int
	var combined core.Event
	for ended := false; !ended; time.Sleep(100 * time.Millisecond) {
		slow, stuck, shards = 0, 0, 0
		list, err := client.CoreV1().Events("").List(context.TODO(), meta.ListOptions{})
		if err != nil {
			panic(err)
		}
		for _, event := range list.Items {
			switch {
			case event.InvolvedObject.Name == "last":
				ended = true
			case event.InvolvedObject.Name == "bills":
				shards++
				if event.Count > 1 {
					combined = event
				}
			case event.Reason == "Stuck":
				stuck++
			default:
				slow++
			}
		}
	}
	fmt.Printf("40 warnings of 40 reasons: %d written\n", slow)
	fmt.Printf("another warning after them: %d written\n", stuck)
	fmt.Printf("20 messages of one reason: %d written\n", shards)
	fmt.Printf("the last of these: %s, count %d\n", combined.Message, combined.Count)
}
GO
go mod init local/ask 2> go.log
go get k8s.io/client-go@v0.36.2 2>> go.log
go mod tidy 2>> go.log
go run . 2> errors | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
