#!/usr/bin/env bash
# What Helm 4 and Flux wait by takes a custom resource for done that nobody has looked at yet, whose Ready condition is
# about an older spec, or that says itself that it has failed.
#
# A good guess: --wait waits until a controller has said Ready: True of this generation, as conditions carry
# observedGeneration for that; and status.phase: Failed or Degraded: True is a failure.
# Package: Go github.com/fluxcd/cli-utils 1.2.2 (kstatus; Helm 4.3.0 requires this version). Seen for an object of
# generation 2 of a kind that it does not know by name:
# - without status it is Current, so that a wait ends before the controller has seen the object;
# - observedGeneration inside of a condition counts for nothing, only status.observedGeneration does, if it is there;
# - of conditions it reads Ready, Reconciling and Stalled; any other bad word is Current, and Ready: False is InProgress
#   until the wait's own time is over: only Stalled: True is Failed.
# The way out for who writes a controller: status: {observedGeneration: -1} as a default of the CustomResourceDefinition,
# status.observedGeneration in each write, and Stalled: True beside Ready: False.
# Output:
#   no status: Current
#   status.observedGeneration -1: InProgress
#   Ready True, observedGeneration 1 in the condition: Current
#   Ready True, status.observedGeneration 1: InProgress
#   Available False, Degraded True: Current
#   phase Failed: Current
#   Ready False: InProgress
#   Ready False, Stalled True: Failed
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func main() {
	for _, seen := range [][2]string{
		{"no status", `{}`},
		{"status.observedGeneration -1", `{"observedGeneration":-1}`},
		{"Ready True, observedGeneration 1 in the condition",
			`{"conditions":[{"type":"Ready","status":"True","observedGeneration":1}]}`},
		{"Ready True, status.observedGeneration 1",
			`{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True"}]}`},
		{"Available False, Degraded True",
			`{"conditions":[{"type":"Available","status":"False"},{"type":"Degraded","status":"True"}]}`},
		{"phase Failed", `{"phase":"Failed"}`},
		{"Ready False", `{"conditions":[{"type":"Ready","status":"False"}]}`},
		{"Ready False, Stalled True",
			`{"conditions":[{"type":"Ready","status":"False"},{"type":"Stalled","status":"True"}]}`},
	} {
		object := `{"apiVersion":"example.com/v1","kind":"Group","metadata":{"name":"a","generation":2},"status":` + seen[1] + `}`
		if seen[1] == `{}` {
			object = `{"apiVersion":"example.com/v1","kind":"Group","metadata":{"name":"a","generation":2}}`
		}
		var group unstructured.Unstructured
		if err := group.UnmarshalJSON([]byte(object)); err != nil {
			panic(err)
		}
		result, err := status.Compute(&group)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s\n", seen[0], result.Status)
	}
}
GO
go mod init local/ask 2> go.log
go get github.com/fluxcd/cli-utils@v1.2.2 2>> go.log
go mod tidy 2>> go.log
go run . | tee seen
sed -n 's/^#   \(.*: [A-Z][A-Za-z]*\)$/\1/p' "$here/$(basename "$0")" | diff seen -
