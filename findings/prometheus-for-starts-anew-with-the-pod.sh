#!/usr/bin/env bash
# An alert with for: 10m on a worker's metric never fires while the workers are replaced more often than that: each pod is another alert,
# whose ten minutes begin anew.
#
# A good guess: "more than a minute behind, for ten minutes" is told when the group has been behind for ten minutes; a worker that
# crashes and comes again every few minutes makes it rather more certain.
# Package: Go github.com/prometheus/prometheus 0.316.0 (Prometheus 3.16.0), its promtool; half an hour of a series that says 600 seconds
# behind all the time, of one pod, or of pods of five minutes each as a Deployment or a node pool makes them. Seen: for counts by the set of
# labels of the result, so a label that changes with each pod (pod, instance, container id) resets it; with one pod that
# restarts in place it does fire. keep_firing_for does not help, as it has to have fired once. So the rule is silent in just the case
# that it is for: out of memory, a bad rollout, spot nodes.
# The way out: take the label away before the comparison, max without (pod, instance) (…), or by what the alert is about.
# Output:
#   one pod, behind_seconds > 60: fires
#   pods of five minutes, behind_seconds > 60: does not fire
#   pods of five minutes, max without (pod) (behind_seconds) > 60: fires
#   pods of five minutes, behind_seconds > 60 with keep_firing_for: 10m: does not fire
# Needs Go, and some minutes to build promtool.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > tools.go <<'GO'
//go:build tools

package main

import _ "github.com/prometheus/prometheus/cmd/promtool"
GO
go mod init local/ask 2> go.log
go get github.com/prometheus/prometheus@v0.316.0 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go build -o promtool github.com/prometheus/prometheus/cmd/promtool

one='      - {series: "behind_seconds{pod=\"orders-0\"}", values: "600x30"}'
many=''
for pod in 0 1 2 3 4 5; do
  # Five samples each, a minute apart, behind those of the pods before.
  before=$((pod * 5))
  many+="      - {series: \"behind_seconds{pod=\\\"orders-$pod\\\"}\", values: \"$([ $before = 0 ] || echo "_x$((before - 1)) ")600x4 stale\"}"$'\n'
done

# ask ABOUT SERIES EXPRESSION [MORE]: whether the alert fires at any minute of the half hour
ask() {
  printf 'groups: [{name: orders, rules: [{alert: Behind, expr: "%s", for: 10m%s}]}]\n' "$3" "${4:-}" > rules.yaml
  local fires='does not fire' minute
  for minute in 9 14 19 24 29; do
    cat > test.yaml <<YAML
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
$2
    alert_rule_test: [{eval_time: ${minute}m, alertname: Behind, exp_alerts: []}]
YAML
    if ! ./promtool test rules test.yaml > said 2>&1; then
      grep -q 'got:' said || { cat said; exit 1; }
      fires=fires
    fi
  done
  echo "$1, $3${5:-}: $fires"
}
{
  ask 'one pod' "$one" 'behind_seconds > 60'
  ask 'pods of five minutes' "$many" 'behind_seconds > 60'
  ask 'pods of five minutes' "$many" 'max without (pod) (behind_seconds) > 60'
  ask 'pods of five minutes' "$many" 'behind_seconds > 60' ', keep_firing_for: 10m' ' with keep_firing_for: 10m'
} | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
