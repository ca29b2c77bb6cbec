#!/usr/bin/env bash
# A rule on a histogram's bucket of a whole number, {le="1"}, passes its test with promtool and finds nothing in Prometheus.
#
# A good guess: le is a label like others: what /metrics shows, le="1", is what rules and dashboards ask for, and a test of the rule
# with that series says that it works.
# Package: Go github.com/prometheus/prometheus 0.316.0 (Prometheus 3.16.0), its parser of scraped text and its promtool, given
# what prom-client and others write. Seen: what is scraped has le="1.0" (since Prometheus 3; so has quantile="1"), other
# bounds stay; series in a rule's test are taken as they are written. So "less than 9 of 10 batches within a second" has no
# result, and an alert without a result does not fire; histogram_quantile() is not concerned, so all else looks well.
# The way out: le=~"1|1.0" in rules, bounds such as 0.5 and 2.5 where something goes by them, and tests with le="1.0".
# Output:
#   written: lag_seconds_bucket{le="1"}, scraped: le="1.0"
#   written: lag_seconds_bucket{le="2.5"}, scraped: le="2.5"
#   written: lag_seconds_bucket{le="10"}, scraped: le="10.0"
#   promtool, a rule on le="1", a series with le="1": SUCCESS
#   promtool, a rule on le="1", a series with le="1.0": FAILED
# Needs Go, and some minutes to build promtool.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

func main() {
	for _, bound := range []string{"1", "2.5", "10"} {
		text := "# TYPE lag_seconds histogram\nlag_seconds_bucket{le=\"" + bound + "\"} 3\n"
		parser, err := textparse.New([]byte(text), "text/plain; version=0.0.4", labels.NewSymbolTable(), textparse.ParserOptions{})
		if err != nil {
			panic(err)
		}
		for {
			entry, err := parser.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				panic(err)
			}
			var scraped labels.Labels
			if entry == textparse.EntrySeries {
				parser.Labels(&scraped)
				fmt.Printf("written: lag_seconds_bucket{le=%q}, scraped: le=%q\n", bound, scraped.Get("le"))
			}
		}
	}
}
GO
cat > rules.yaml <<'YAML'
groups:
  - name: orders
    rules:
      - alert: Slow
        expr: sum(lag_seconds_bucket{le="1"}) / sum(lag_seconds_count) < 0.9
YAML
cat > tools.go <<'GO'
//go:build tools

package main

import _ "github.com/prometheus/prometheus/cmd/promtool"
GO
go mod init local/ask 2> go.log
go get github.com/prometheus/prometheus@v0.316.0 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go build -o promtool github.com/prometheus/prometheus/cmd/promtool
go run . > seen
for le in 1 1.0; do
  cat > test.yaml <<YAML
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - input_series:
      - {series: 'lag_seconds_bucket{le="$le"}', values: '3+0x5'}
      - {series: 'lag_seconds_count', values: '5+0x5'}
    alert_rule_test: [{eval_time: 1m, alertname: Slow, exp_alerts: [{exp_labels: {}}]}]
YAML
  said=$(./promtool test rules test.yaml 2>&1 || true)
  echo "promtool, a rule on le=\"1\", a series with le=\"$le\": $(grep -oE 'SUCCESS|FAILED' <<< "$said" | head -1)" >> seen
done
cat seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
