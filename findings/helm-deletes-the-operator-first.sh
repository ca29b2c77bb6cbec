#!/usr/bin/env bash
# helm uninstall deletes an operator and its rights before the custom resources that came with it in the same release: one with a finalizer
# stays for ever, and what it should have cleaned up stays, too.
#
# A good guess: what Helm installs last it deletes first; custom resources, which it installs behind the operator's Deployment, go before it.
# Package: Go helm.sh/helm/v4 4.3.1, its install and uninstall, against a server on loopback that notes what it is asked. Seen: kinds that Helm
# does not know come last in both orders, by name; nothing is waited for in between, nor for what has a finalizer. So the Deployment is gone,
# the ServiceAccount may no longer do anything, and then the custom resource gets its deletionTimestamp, of which nobody hears. A
# CustomResourceDefinition among the templates goes before its resources as well.
# The way out: two releases, and the one with the custom resources uninstalled first, with --wait.
# Output:
#   install: ServiceAccount, CustomResourceDefinition, ClusterRoleBinding, Deployment, Group
#   uninstall: Deployment, ClusterRoleBinding, CustomResourceDefinition, ServiceAccount, Group
# Needs Go, and some minutes to build Helm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p chart/templates
printf 'apiVersion: v2\nname: chart\nversion: 0.1.0\n' > chart/Chart.yaml
cat > chart/templates/all.yaml <<'YAML'
apiVersion: example.com/v1
kind: Group
metadata: { name: orders, finalizers: [example.com/positions] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: operator }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: operator }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: operator }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: groups.example.com }
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
		"/api/v1":                            resource("serviceaccounts", "ServiceAccount", true),
		"/apis/apps/v1":                      resource("deployments", "Deployment", true),
		"/apis/rbac.authorization.k8s.io/v1": resource("clusterrolebindings", "ClusterRoleBinding", false),
		"/apis/apiextensions.k8s.io/v1":      resource("customresourcedefinitions", "CustomResourceDefinition", false),
		"/apis/example.com/v1":               resource("groups", "Group", true),
	}
	stored = map[string]object{}
	asked  []string
)

func resource(name, kind string, namespaced bool) object {
	verbs := []string{"create", "get", "delete"}
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
		asked = append(asked, body["kind"].(string))
		stored[at+"/"+body["metadata"].(object)["name"].(string)] = body
		return 201, body
	}
	if found, ok := stored[at]; ok {
		if method == "DELETE" {
			asked = append(asked, found["kind"].(string))
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
	_, err = install.Run(chart, object{})
	must(err)
	fmt.Println("install:", strings.Join(asked, ", "))
	asked = nil
	uninstall := action.NewUninstall(settings)
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	_, err = uninstall.Run("release")
	must(err)
	fmt.Println("uninstall:", strings.Join(asked, ", "))
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
