#!/usr/bin/env bash
# The scale of a custom resource whose number of replicas was left out is an internal error of the API server (500), though the resource
# is valid; and a default for the number is no help where the object around it was left out, too.
#
# A good guess: as with a Deployment, no replicas means one, or as the scale is an API of its own, zero; an autoscaler reads that and writes
# its own. That is how one leaves the number to it: out of the manifest.
# Package: Go k8s.io/apiextensions-apiserver 0.37.2, its server with go.etcd.io/etcd/server/v3 3.7.0, and definitions with
# specReplicasPath: .spec.replicas. Seen: a read fails for as long as nobody has written a number. A patch, which is what kubectl scale sends
# unless told --current-replicas, works, and what reads works from then on: until somebody removes the field, as an apply does from whose
# manifest it was taken. A scale without replicas, put back, means zero. A HorizontalPodAutoscaler reads before it writes, and so never
# writes; a PodDisruptionBudget with maxUnavailable, over pods that such a resource owns, allows no eviction (both by the code of
# k8s.io/kubernetes 1.37.2).
# The way out for who writes a definition: a default for the number, and one for each object on the path to it.
# Output:
#   no default, spec: {}: read: 500; a patch to 3: 3; read: 3; the field removed, read: 500
#   no default, spec left out: read: 500; a patch to 3: 3; read: 3; the field removed, read: 500
#   default 1, spec: {}: read: 1; a patch to 3: 3; read: 3; the field removed, read: 1
#   default 1, spec left out: read: 500; a patch to 3: 3; read: 3; the field removed, read: 1
#   default 1, and {} for spec, spec left out: read: 1; a patch to 3: 3; read: 3; the field removed, read: 1
#   a scale without replicas, put: 0
#   what the 500 says: Internal error occurred: the spec replicas field ".spec.replicas" does not exist
# Needs Go, and some minutes the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir tmp
export TMPDIR=$folder/tmp
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	crd "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	servertesting "k8s.io/apiextensions-apiserver/pkg/cmd/server/testing"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// What the server asks for its authentication, which nothing here goes through.
const nobody = `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
  clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: a, user: {}}]}`

type object = map[string]any
type log struct{}

func (log) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (log) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (log) Logf(string, ...any)               {}

var ctx = context.Background()

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func serve() *rest.Config {
	etcd := embed.NewConfig()
	etcd.Dir, etcd.LogLevel, etcd.UnsafeNoFsync = "etcd", "error", true
	socket := func(name string) []url.URL { return []url.URL{{Scheme: "unix", Host: name}} }
	etcd.ListenClientUrls, etcd.AdvertiseClientUrls = socket("client"), socket("client")
	etcd.ListenPeerUrls, etcd.AdvertisePeerUrls = socket("peer"), socket("peer")
	etcd.InitialCluster = etcd.InitialClusterFromName(etcd.Name)
	<-must(embed.StartEtcd(etcd)).Server.ReadyNotify()
	if err := os.WriteFile("nobody", []byte(nobody), 0o600); err != nil {
		panic(err)
	}
	return must(servertesting.StartTestServer(log{}, nil, []string{
		"--etcd-servers=unix://client", "--etcd-prefix=ask", "--enable-priority-and-fairness=false",
		"--kubeconfig=nobody", "--authentication-kubeconfig=nobody", "--authorization-kubeconfig=nobody", "--authentication-skip-lookup",
		"--disable-admission-plugins=NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook," +
			"ValidatingAdmissionPolicy,MutatingAdmissionPolicy",
	}, nil)).ClientConfig
}

func text(json string) *crd.JSON {
	if json == "" {
		return nil
	}
	return &crd.JSON{Raw: []byte(json)}
}

func define(config *rest.Config, kind, replicas, spec string) dynamic.ResourceInterface {
	number := crd.JSONSchemaProps{Type: "integer", Default: text(replicas)}
	properties := func(more *crd.JSON) crd.JSONSchemaProps {
		return crd.JSONSchemaProps{Type: "object", Default: more, Properties: map[string]crd.JSONSchemaProps{"replicas": number}}
	}
	status := properties(nil)
	status.Properties = map[string]crd.JSONSchemaProps{"replicas": {Type: "integer"}}
	plural := strings.ToLower(kind) + "s"
	version := crd.CustomResourceDefinitionVersion{
		Name: "v1", Served: true, Storage: true,
		Schema: &crd.CustomResourceValidation{OpenAPIV3Schema: &crd.JSONSchemaProps{
			Type: "object", Properties: map[string]crd.JSONSchemaProps{"spec": properties(text(spec)), "status": status},
		}},
		Subresources: &crd.CustomResourceSubresources{
			Status: &crd.CustomResourceSubresourceStatus{},
			Scale:  &crd.CustomResourceSubresourceScale{SpecReplicasPath: ".spec.replicas", StatusReplicasPath: ".status.replicas"},
		},
	}
	must(clientset.NewForConfigOrDie(config).ApiextensionsV1().CustomResourceDefinitions().Create(ctx, &crd.CustomResourceDefinition{
		ObjectMeta: meta.ObjectMeta{Name: plural + ".example.com"},
		Spec: crd.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: crd.NamespaceScoped, Versions: []crd.CustomResourceDefinitionVersion{version},
			Names: crd.CustomResourceDefinitionNames{Plural: plural, Singular: strings.ToLower(kind), Kind: kind, ListKind: kind + "List"},
		},
	}, meta.CreateOptions{}))
	resource := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: plural}
	groups := dynamic.NewForConfigOrDie(config).Resource(resource).Namespace("shop")
	for {
		if _, err := groups.List(ctx, meta.ListOptions{}); err == nil {
			return groups
		}
		time.Sleep(100 * time.Millisecond)
	}
}

var said string

// The scale's replicas, 0 if they are not there, as the types of Go have it; or the status of the refusal.
func number(scale *unstructured.Unstructured, err error) string {
	if err != nil {
		status := err.(apierrors.APIStatus).Status()
		said = status.Message
		return fmt.Sprint(status.Code)
	}
	replicas, _, err := unstructured.NestedInt64(scale.Object, "spec", "replicas")
	return fmt.Sprint(must(replicas, err))
}

func ask(groups dynamic.ResourceInterface, about, kind, name string, with object) {
	group := object{"apiVersion": "example.com/v1", "kind": kind, "metadata": object{"name": name}}
	for field, value := range with {
		group[field] = value
	}
	must(groups.Create(ctx, &unstructured.Unstructured{Object: group}, meta.CreateOptions{}))
	read := func() string { return number(groups.Get(ctx, name, meta.GetOptions{}, "scale")) }
	patch := func(body string, subresource ...string) (*unstructured.Unstructured, error) {
		return groups.Patch(ctx, name, types.MergePatchType, []byte(body), meta.PatchOptions{}, subresource...)
	}
	fmt.Printf("%s: read: %s; a patch to 3: %s", about, read(), number(patch(`{"spec":{"replicas":3}}`, "scale")))
	fmt.Printf("; read: %s", read())
	must(patch(`{"spec":{"replicas":null}}`))
	fmt.Printf("; the field removed, read: %s\n", read())
}

func main() {
	klog.SetOutput(io.Discard)
	config := serve()
	empty := object{"spec": object{}}
	groups := define(config, "Bare", "", "")
	ask(groups, "no default, spec: {}", "Bare", "a", empty)
	ask(groups, "no default, spec left out", "Bare", "b", nil)
	groups = define(config, "Number", "1", "")
	ask(groups, "default 1, spec: {}", "Number", "a", empty)
	ask(groups, "default 1, spec left out", "Number", "b", nil)
	groups = define(config, "Both", "1", "{}")
	ask(groups, "default 1, and {} for spec, spec left out", "Both", "a", nil)
	scale := object{"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": object{"name": "a", "namespace": "shop"}, "spec": object{}}
	put := number(groups.Update(ctx, &unstructured.Unstructured{Object: scale}, meta.UpdateOptions{}, "scale"))
	fmt.Printf("a scale without replicas, put: %s\nwhat the 500 says: %s\n", put, said)
	os.Exit(0)
}
GO
go mod init local/ask 2> go.log
go get k8s.io/apiextensions-apiserver@v0.37.2 go.etcd.io/etcd/server/v3@v3.7.0 2>> go.log
go mod tidy 2>> go.log
go run . 2> errors | tee seen || { tail errors; exit 1; }
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
