#!/usr/bin/env bash
# A release of Helm that was first installed without server-side apply, by Helm 3 for one, takes back what somebody has changed by hand in a
# Deployment, and leaves it in a custom resource: neither an upgrade nor a rollback brings the chart's value back.
#
# A good guess: helm upgrade compares three states, the old manifest, the new one and what is there, for each object that it has.
# Package: Go helm.sh/helm/v4 4.3.1 with server-side apply off for the first install, against a server on loopback that notes what it is asked;
# upgrade and rollback are as they are ("auto", which goes on with what the release began with). Seen: a kind that is not built into Helm is
# patched with the difference of the two manifests, and what is there is not looked at. So a group that was scaled or paused with kubectl stays so
# through each upgrade whose chart has the same value as before, while helm get manifest shows the chart's.
# The way out: --server-side=true, once, with --force-conflicts where somebody else has the field by now; or another value in between.
# Output:
#   chart has 2, somebody made it 5, upgrade with 2: Deployment 2, Group as it was
#   upgrade with 3: Deployment 3, Group 3
#   somebody made it 5, rollback to the 2 of before: Deployment 2, Group 2
#   somebody made it 5, rollback to the same 2: Deployment 2, Group as it was
#   somebody made it 5, upgrade with 2, server-side: Deployment 2, Group 2
# Needs Go, and some minutes to build Helm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p chart/templates
printf 'apiVersion: v2\nname: chart\nversion: 0.1.0\n' > chart/Chart.yaml
cat > chart/templates/all.yaml <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: { name: orders }
spec: { replicas: {{ .Values.replicas }} }
---
apiVersion: example.com/v1
kind: Group
metadata: { name: orders }
spec: { replicas: {{ .Values.replicas }} }
YAML
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

type object = map[string]any

var (
	resources = map[string]object{
		"/apis/apps/v1":        resource("deployments", "Deployment", true),
		"/apis/example.com/v1": resource("groups", "Group", true),
	}
	stored = map[string]object{}
	asked  = map[string]any{}
)

func resource(name, kind string, namespaced bool) object {
	verbs := []string{"create", "get", "patch"}
	return object{"name": name, "singularName": strings.ToLower(kind), "kind": kind, "namespaced": namespaced, "verbs": verbs}
}

func answerTo(method, at string, body object) (int, object) {
	if found, ok := resources[at]; ok {
		version := strings.TrimPrefix(strings.TrimPrefix(at, "/apis/"), "/api/")
		return 200, object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": []object{found}}
	}
	switch at {
	case "/version":
		return 200, object{"major": "1", "minor": "37", "gitVersion": "v1.37.2"}
	case "/api":
		return 200, object{"kind": "APIVersions", "versions": []string{"v1"}}
	case "/apis":
		groups := []object{}
		for at := range resources {
			if version, ok := strings.CutPrefix(at, "/apis/"); ok {
				v1 := object{"groupVersion": version, "version": "v1"}
				groups = append(groups, object{"name": path.Dir(version), "versions": []object{v1}, "preferredVersion": v1})
			}
		}
		return 200, object{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
	}
	if method == "POST" {
		stored[at+"/orders"] = body
		return 201, body
	}
	if found, ok := stored[at]; ok {
		if spec, ok := body["spec"].(object); ok && method == "PATCH" {
			found["spec"] = spec
			asked[found["kind"].(string)] = spec["replicas"]
		}
		return 200, found
	}
	return 404, object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		var body object
		if text, _ := io.ReadAll(request.Body); len(text) > 0 {
			must(json.Unmarshal(text, &body))
		}
		code, answer := answerTo(request.Method, request.URL.Path, body)
		writer.Header().Set("content-type", "application/json")
		writer.WriteHeader(code)
		must(json.NewEncoder(writer).Encode(answer))
	}))
	flags, namespace := genericclioptions.NewConfigFlags(false), "shop"
	flags.APIServer, flags.Namespace = &server.URL, &namespace
	settings := action.NewConfiguration()
	must(settings.Init(flags, namespace, "memory"))
	chart, err := loader.Load("chart")
	must(err)

	install := action.NewInstall(settings)
	install.ReleaseName, install.Namespace, install.WaitStrategy = "release", namespace, kube.HookOnlyStrategy
	install.ServerSideApply, install.DisableOpenAPIValidation = false, true
	_, err = install.Run(chart, object{"replicas": 2})
	must(err)

	upgrade := action.NewUpgrade(settings)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.DisableOpenAPIValidation = namespace, kube.HookOnlyStrategy, true
	upgradeTo := func(replicas int) {
		_, err := upgrade.Run("release", chart, object{"replicas": replicas})
		must(err)
	}
	rollback := action.NewRollback(settings)
	rollback.WaitStrategy = kube.HookOnlyStrategy
	change()
	upgradeTo(2)
	tell("chart has 2, somebody made it 5, upgrade with 2")
	upgradeTo(3)
	tell("upgrade with 3")
	change()
	rollback.Version = 2
	must(rollback.Run("release"))
	tell("somebody made it 5, rollback to the 2 of before")
	change()
	rollback.Version = 2
	must(rollback.Run("release"))
	tell("somebody made it 5, rollback to the same 2")
	change()
	upgrade.ServerSideApply, upgrade.ForceConflicts = "true", true
	upgradeTo(2)
	tell("somebody made it 5, upgrade with 2, server-side")
}

// Somebody scales both with kubectl.
func change() {
	for _, object := range stored {
		object["spec"].(map[string]any)["replicas"] = 5
	}
}

func tell(about string) {
	made := func(kind string) string {
		if replicas, ok := asked[kind]; ok {
			return fmt.Sprint(replicas)
		}
		return "as it was"
	}
	fmt.Printf("%s: Deployment %s, Group %s\n", about, made("Deployment"), made("Group"))
	clear(asked)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init local/helm 2> go.log
go get helm.sh/helm/v4@v4.3.1 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
KUBECONFIG=/dev/null go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
