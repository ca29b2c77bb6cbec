#!/usr/bin/env bash
# The same value is another one by --set than by a values file: an account id, a number of milliseconds, a comparison; and a values
# schema checks formats only if it is of an older draft.
#
# A good guess: -f values.yaml and --set are two ways to write one value, so what is tested with --set holds for files; and "format" in
# values.schema.json is checked, as "pattern" is.
# Package: Go helm.sh/helm/v4 4.3.1, its reading and merging of values, its templates and its check by the schema. Seen:
# - from a file, the chart's own included, each number is a float64: {{ .Values.number }} writes a million as 1e+06, quoted too, and an
#   account id of 12 digits as 1.2e+11; with a leading zero and no 8 or 9 it is read as octal. By --set it is an int64, or with the
#   zero a text. In a field of an ARN or an environment variable the one works and the other does not;
# - eq, gt and the like are an error for a number of a file, and work for one of --set;
# - yes is true in a file and a text by --set;
# - format is checked with draft-07, and not with 2020-12 or without $schema, where it is a remark.
# The way out: {{ int64 .Values.number }} for numbers, "type": "string" in the schema for ids, a pattern for what must have a form.
# Output:
#   1000000: by a file 1e+06, by --set 1000000
#   123456789012: by a file 1.23456789012e+11, by --set 123456789012
#   012345670123: by a file 1.402433619e+09, by --set 012345670123
#   yes: by a file true, by --set yes
#   3, asked {{ gt .Values.value 2 }}: by a file error, by --set true
#   1000000, written {{ int64 .Values.value }}: by a file 1000000, by --set 1000000
#   format: uri of draft-07: refused
#   format: uri of 2020-12: accepted
#   format: uri without $schema: accepted
#   pattern of 2020-12: refused
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p chart/templates
printf 'apiVersion: v2\nname: chart\nversion: 0.1.0\n' > chart/Chart.yaml
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/getter"
)

func main() {
	for _, value := range []string{"1000000", "123456789012", "012345670123", "yes"} {
		both(value, "", "{{ .Values.value }}")
	}
	both("3", ", asked {{ gt .Values.value 2 }}", "{{ gt .Values.value 2 }}")
	both("1000000", ", written {{ int64 .Values.value }}", "{{ int64 .Values.value }}")
	uri, pattern := `"format":"uri"`, `"pattern":"^https://"`
	check("format: uri of draft-07", `"$schema":"http://json-schema.org/draft-07/schema#",`, uri)
	check("format: uri of 2020-12", `"$schema":"https://json-schema.org/draft/2020-12/schema",`, uri)
	check("format: uri without $schema", "", uri)
	check("pattern of 2020-12", `"$schema":"https://json-schema.org/draft/2020-12/schema",`, pattern)
}

func both(value, about, template string) {
	must(os.WriteFile("chart/templates/written", []byte(template), 0o644))
	must(os.WriteFile("values.yaml", []byte("value: "+value+"\n"), 0o644))
	byFile := render(values.Options{ValueFiles: []string{"values.yaml"}})
	bySet := render(values.Options{Values: []string{"value=" + value}})
	fmt.Printf("%s%s: by a file %s, by --set %s\n", value, about, byFile, bySet)
}

func render(options values.Options) string {
	given, err := options.MergeValues(getter.All(cli.New()))
	must(err)
	chart, err := loader.Load("chart")
	must(err)
	all, err := util.ToRenderValues(chart, given, common.ReleaseOptions{Name: "release", Namespace: "default"}, nil)
	must(err)
	written, err := engine.Render(chart, all)
	if err != nil {
		return "error"
	}
	return written["chart/templates/written"]
}

func check(about, draft, rule string) {
	schema := `{` + draft + `"properties":{"endpoint":{"type":"string",` + rule + `}}}`
	word := "accepted"
	if util.ValidateAgainstSingleSchema(map[string]any{"endpoint": "no uri"}, []byte(schema)) != nil {
		word = "refused"
	}
	fmt.Printf("%s: %s\n", about, word)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init local/ask 2> go.log
go get helm.sh/helm/v4@v4.3.1 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
