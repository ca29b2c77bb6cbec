#!/usr/bin/env bash
# What `kubectl get` shows of a custom resource is not what its columns' paths find: of a list one element, of a time to come
# "<invalid>", of null "<no value>", of 1.5 one, of another type nothing.
#
# A good guess: a column shows what kubectl's own -o jsonpath shows of the same path, all elements that it finds, and a value whose type
# does not fit is an error when the definition is made, or is shown as text.
# Package: Go k8s.io/apiextensions-apiserver 0.36.2, which makes the table on the server. Seen: the first thing that the path finds
# is shown, whatever the path; date is an age, and nothing else; integer cuts; a text under integer, or milliseconds under
# date, leave the cell empty, as if the field were not there; a number with a fraction under string is written with an exponent.
# So "owners" of a group with three workers shows one of them, and "next window" never a time.
# The way out: status fields that are made for the columns, texts, in whole: owners: "a, b".
# Output:
#   string .status.shards[*].owner of [a, b]: a
#   string .status.tags of [a, b]: ["a","b"]
#   date of an hour ago: 60m
#   date of an hour to come: <invalid>
#   date of milliseconds: empty
#   string of null: <no value>
#   integer of 1.5: 1
#   integer of "7": empty
#   string of 12345678901: 12345678901
#   string of 12345678901.5: 1.23456789015e+10
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

	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	show("string .status.shards[*].owner of [a, b]", "string", ".status.shards[*].owner", `"shards":[{"owner":"a"},{"owner":"b"}]`)
	show("string .status.tags of [a, b]", "string", ".status.tags", `"tags":["a","b"]`)
	show("date of an hour ago", "date", ".status.time", `"time":"`+in(-time.Hour)+`"`)
	show("date of an hour to come", "date", ".status.time", `"time":"`+in(time.Hour)+`"`)
	show("date of milliseconds", "date", ".status.time", `"time":1764374400000`)
	show("string of null", "string", ".status.word", `"word":null`)
	show("integer of 1.5", "integer", ".status.number", `"number":1.5`)
	show(`integer of "7"`, "integer", ".status.number", `"number":"7"`)
	show("string of 12345678901", "string", ".status.number", `"number":12345678901`)
	show("string of 12345678901.5", "string", ".status.number", `"number":12345678901.5`)
}

func in(later time.Duration) string { return time.Now().Add(later).UTC().Format(time.RFC3339) }

func show(about, kind, path, status string) {
	converter, err := tableconvertor.New([]v1.CustomResourceColumnDefinition{{Name: "Column", Type: kind, JSONPath: path}})
	must(err)
	var group unstructured.Unstructured
	must(group.UnmarshalJSON([]byte(`{"apiVersion":"example.com/v1","kind":"Group","metadata":{"name":"orders"},"status":{` + status + `}}`)))
	table, err := converter.ConvertToTable(context.TODO(), &group, nil)
	must(err)
	cell := table.Rows[0].Cells[1] // Behind the name.
	if cell == nil {
		cell = "empty"
	}
	fmt.Printf("%s: %v\n", about, cell)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init local/ask 2> go.log
go get k8s.io/apiextensions-apiserver@v0.36.2 2>> go.log
go mod tidy 2>> go.log
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
