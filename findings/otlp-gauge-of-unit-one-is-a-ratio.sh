#!/usr/bin/env bash
# A gauge that comes to Prometheus by OTLP gets another name than the same gauge when it is scraped: with unit 1 it ends in _ratio;
# and a counter's word "total" is moved from where it stands to the end.
#
# A good guess: Prometheus takes the name as it is, dots made underscores, and adds at most _total and the unit; a count of things
# without a unit has unit "1", as UCUM calls it.
# Package: Go github.com/prometheus/otlptranslator 1.0.0, by which Prometheus 3 and the OpenTelemetry Collector name what OTLP
# brings, with the suffixes that they add unless told otherwise. Seen:
# - a gauge of unit "1" ends in _ratio, a counter of unit "1" does not; in braces, "{shard}", a unit adds nothing;
# - total_lost_records and lost_total_records are one name, lost_records_total: two metrics become one;
# - ms is added beside a name that has it (lag_ms_milliseconds), s is not where seconds is any word of the name;
# - two underscores become one, in labels as in names.
# So rules and dashboards for /metrics find nothing once the same program sends by OTLP, without an error anywhere: an alert whose
# series does not exist does not fire. The way out: no unit, or one in braces, for counts; base units as the name's last word.
# Output:
#   gauge worker_shards, unit "1": worker_shards_ratio
#   gauge worker_shards, unit "{shard}": worker_shards
#   gauge worker_shards, unit "": worker_shards
#   counter worker_records, unit "1": worker_records_total
#   counter total_lost_records, unit "": lost_records_total
#   counter lost_total_records, unit "": lost_records_total
#   gauge lag_ms, unit "ms": lag_ms_milliseconds
#   gauge lag_seconds_max, unit "s": lag_seconds_max
#   gauge lag__max, unit "": lag_max
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

	"github.com/prometheus/otlptranslator"
)

func main() {
	namer := otlptranslator.MetricNamer{WithMetricSuffixes: true}
	kinds := map[string]otlptranslator.MetricType{
		"gauge": otlptranslator.MetricTypeGauge, "counter": otlptranslator.MetricTypeMonotonicCounter,
	}
	for _, metric := range [][3]string{
		{"gauge", "worker_shards", "1"}, {"gauge", "worker_shards", "{shard}"}, {"gauge", "worker_shards", ""},
		{"counter", "worker_records", "1"}, {"counter", "total_lost_records", ""}, {"counter", "lost_total_records", ""},
		{"gauge", "lag_ms", "ms"}, {"gauge", "lag_seconds_max", "s"}, {"gauge", "lag__max", ""},
	} {
		kind, name, unit := metric[0], metric[1], metric[2]
		named, err := namer.Build(otlptranslator.Metric{Name: name, Unit: unit, Type: kinds[kind]})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s %s, unit %q: %s\n", kind, name, unit, named)
	}
}
GO
go mod init local/ask 2> go.log
go get github.com/prometheus/otlptranslator@v1.0.0 2>> go.log
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
