#!/usr/bin/env bash
# The scale of a workload that is scaled to zero has no spec.replicas: who reads it as JSON finds nothing there, and who
# then takes the usual default finds one.
#
# A good guess: GET …/scale always says how many replicas are asked for, as spec.replicas of a Deployment does, and that
# a missing number means the default of 1, as it does there.
# Package: Go k8s.io/api 0.36.2, the types that the API server writes its answers with. In autoscaling/v1 Scale the
# replicas are a number with omitempty, so that 0 is left out, in the spec, but not in the status. In apps/v1 they
# are a pointer, and 0 is written. Other numbers of zero that go missing: readyReplicas and updatedReplicas of a Deployment,
# currentReplicas of a HorizontalPodAutoscaler. So .spec.replicas ?? 1 is right for a Deployment and wrong for a Scale,
# JSONPath {.spec.replicas} prints nothing, and a JSON patch that tests or replaces /spec/replicas fails at zero.
# Output:
#   Scale, 2 asked for: {"spec":{"replicas":2},"status":{"replicas":0}}
#   Scale, 0 asked for: {"spec":{},"status":{"replicas":0}}
#   Deployment, 0 asked for: "replicas":0
#   Deployment's status, none ready: {}
#   HorizontalPodAutoscaler's status, at zero: {"desiredReplicas":0,"currentMetrics":null}
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"regexp"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	autoscaling2 "k8s.io/api/autoscaling/v2"
)

func written(about string, object any, part string) {
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: %s\n", about, regexp.MustCompile(part).Find(text))
}

func main() {
	var scale autoscaling.Scale
	scale.Spec.Replicas = 2
	written("Scale, 2 asked for", map[string]any{"spec": scale.Spec, "status": scale.Status}, ".*")
	scale.Spec.Replicas = 0
	written("Scale, 0 asked for", map[string]any{"spec": scale.Spec, "status": scale.Status}, ".*")
	written("Deployment, 0 asked for", apps.DeploymentSpec{Replicas: new(int32)}, `"replicas":\d+`)
	written("Deployment's status, none ready", apps.DeploymentStatus{}, ".*")
	written("HorizontalPodAutoscaler's status, at zero", autoscaling2.HorizontalPodAutoscalerStatus{}, ".*")
}
GO
go mod init local/ask 2> go.log
go get k8s.io/api@v0.36.2 2>> go.log
go mod tidy 2>> go.log
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
