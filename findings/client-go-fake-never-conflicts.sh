#!/usr/bin/env bash
# With client-go's fake clientset no update is ever in conflict, a status is written with its spec, finalizers hold nothing back, and of
# list and watch options only few are looked at: a test that passes with it says nothing of these.
#
# A good guess: the clientset that comes with the client keeps the rules that all kinds have, those of metadata and of the request's
# options; what it lacks are controllers, defaults and validation.
# Package: Go k8s.io/client-go 0.37.2, kubernetes/fake, NewClientset; NewSimpleClientset gives the same. Seen:
# - an older resourceVersion wins, in update as in patch: what somebody else wrote meanwhile is lost, where a server says Conflict; so a
#   loop around conflicts, or one that is missing, is never tried, nor are two replicas of an operator beside each other;
# - UpdateStatus writes the spec, too: a status computed from an old copy undoes a scaling, in the test alone;
# - an object with a finalizer is gone at once, and one of another uid than asked for, too; a dry run creates;
# - field selectors and limits are taken and ignored, as are labels of a watch: a controller that asks for the pods of one node, in
#   pages, sees all pods at once; generation stays 0, so observedGeneration is always up to date.
# The way out: a real API server for whatever is about these (envtest starts one), or a reactor that answers with the error.
# Output:
#   update with the older resourceVersion: accepted, replicas 1 again
#   update of the status with a copy that has 9 replicas: accepted, replicas 9
#   generation after these: 0
#   patch with a resourceVersion that never was: accepted
#   delete of an object with a finalizer: accepted, then there: false
#   delete of another uid: accepted, then there: false
#   create as a dry run: accepted, then there: true
#   list of 5 pods by a field that 2 have: 5
#   list of 5 pods with limit 2: 5, more to come: false
#   watch of shard=b, a pod of shard=a comes: ADDED
# Needs Go.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

var ctx = context.Background()

func word(err error) string {
	if err != nil {
		return err.Error()
	}
	return "accepted"
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	client := fake.NewClientset()
	deployments, pods := client.AppsV1().Deployments("shop"), client.CoreV1().Pods("shop")

	one, two, nine := int32(1), int32(2), int32(9)
	orders := &apps.Deployment{ObjectMeta: meta.ObjectMeta{Name: "orders", ResourceVersion: "1"}, Spec: apps.DeploymentSpec{Replicas: &one}}
	mine := must(deployments.Create(ctx, orders, meta.CreateOptions{}))
	theirs := mine.DeepCopy()
	theirs.Spec.Replicas, theirs.ResourceVersion = &two, "2"
	must(deployments.Update(ctx, theirs, meta.UpdateOptions{}))
	_, err := deployments.Update(ctx, mine, meta.UpdateOptions{})
	now := must(deployments.Get(ctx, "orders", meta.GetOptions{}))
	fmt.Printf("update with the older resourceVersion: %s, replicas %d again\n", word(err), *now.Spec.Replicas)
	now.Spec.Replicas, now.Status.ReadyReplicas = &nine, 1
	_, err = deployments.UpdateStatus(ctx, now, meta.UpdateOptions{})
	now = must(deployments.Get(ctx, "orders", meta.GetOptions{}))
	fmt.Printf("update of the status with a copy that has 9 replicas: %s, replicas %d\n", word(err), *now.Spec.Replicas)
	fmt.Println("generation after these:", now.Generation)
	patch := []byte(`{"metadata":{"resourceVersion":"77","labels":{"seen":"yes"}}}`)
	_, err = deployments.Patch(ctx, "orders", types.MergePatchType, patch, meta.PatchOptions{})
	fmt.Println("patch with a resourceVersion that never was:", word(err))

	add := func(name string, options meta.CreateOptions, change func(*core.Pod)) error {
		pod := &core.Pod{ObjectMeta: meta.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name)}}
		change(pod)
		_, err := pods.Create(ctx, pod, options)
		return err
	}
	isThere := func(name string) bool {
		_, err := pods.Get(ctx, name, meta.GetOptions{})
		return err == nil
	}
	must(0, add("held", meta.CreateOptions{}, func(pod *core.Pod) { pod.Finalizers = []string{"example.com/leases"} }))
	err = pods.Delete(ctx, "held", meta.DeleteOptions{})
	fmt.Printf("delete of an object with a finalizer: %s, then there: %t\n", word(err), isThere("held"))
	must(0, add("other", meta.CreateOptions{}, func(*core.Pod) {}))
	err = pods.Delete(ctx, "other", meta.DeleteOptions{Preconditions: meta.NewUIDPreconditions("uid-of-an-older-one")})
	fmt.Printf("delete of another uid: %s, then there: %t\n", word(err), isThere("other"))
	err = add("dry", meta.CreateOptions{DryRun: []string{meta.DryRunAll}}, func(*core.Pod) {})
	fmt.Printf("create as a dry run: %s, then there: %t\n", word(err), isThere("dry"))
	must(0, pods.Delete(ctx, "dry", meta.DeleteOptions{}))

	for i := range 5 {
		must(0, add(fmt.Sprint("worker-", i), meta.CreateOptions{}, func(pod *core.Pod) { pod.Spec.NodeName = fmt.Sprint("node-", i%2) }))
	}
	list := must(pods.List(ctx, meta.ListOptions{FieldSelector: "spec.nodeName=node-1"}))
	fmt.Println("list of 5 pods by a field that 2 have:", len(list.Items))
	list = must(pods.List(ctx, meta.ListOptions{Limit: 2}))
	fmt.Printf("list of 5 pods with limit 2: %d, more to come: %t\n", len(list.Items), list.Continue != "")
	watch := must(pods.Watch(ctx, meta.ListOptions{LabelSelector: "shard=b"}))
	must(0, add("worker-a", meta.CreateOptions{}, func(pod *core.Pod) { pod.Labels = map[string]string{"shard": "a"} }))
	fmt.Println("watch of shard=b, a pod of shard=a comes:", (<-watch.ResultChan()).Type)
}
GO
go mod init local/fake 2> go.log
go get k8s.io/client-go@v0.37.2 k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
