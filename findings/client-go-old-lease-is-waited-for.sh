#!/usr/bin/env bash
# A leader-election lease that nobody has renewed for an hour is waited for as long as a fresh one: what renewTime says counts
# for nothing, and neither does the waiting one's own leaseDuration.
#
# A good guess: a candidate compares renewTime with its clock, and takes at once what has run out long ago; how long it waits for a
# dead leader is what its own flag --leader-elect-lease-duration says.
# Package: Go k8s.io/client-go 0.36.2, tools/leaderelection, which controller-runtime, KEDA and the controllers of Kubernetes go by;
# with its fake clientset. Seen: a candidate waits leaseDurationSeconds of the record, from when it has first seen the record, on its own
# clock, so that clocks need not agree. So an operator whose only pod was killed is away for the whole duration after the new pod
# is up, however long that took; a shorter duration in a release helps from its second start on, as the first one still waits
# what the old leader wrote; and whoever restarts more often than the duration never leads.
# The way out: release the lease at a clean end (ReleaseOnCancel, LeaderElectionReleaseOnCancel), or delete the Lease by hand.
# Output:
#   renewed an hour ago, 6 s in the record, 6 s of one's own: taken after 6 s or more
#   renewed an hour ago, 6 s in the record, 2 s of one's own: taken after 6 s or more
#   renewed an hour ago, 2 s in the record, 6 s of one's own: taken within 6 s
#   renewed now, holder empty (released), 6 s of one's own: taken within 6 s
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
	"time"

	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	lead("renewed an hour ago, 6 s in the record, 6 s of one's own", "another", 6, 6, time.Hour)
	lead("renewed an hour ago, 6 s in the record, 2 s of one's own", "another", 6, 2, time.Hour)
	lead("renewed an hour ago, 2 s in the record, 6 s of one's own", "another", 2, 6, time.Hour)
	lead("renewed now, holder empty (released), 6 s of one's own", "", 1, 6, 0)
}

func lead(about, holder string, recorded int32, own time.Duration, age time.Duration) {
	own *= time.Second
	name := meta.ObjectMeta{Namespace: "default", Name: "operator"}
	renewed := meta.NewMicroTime(time.Now().Add(-age))
	client := fake.NewClientset(&coordination.Lease{ObjectMeta: name, Spec: coordination.LeaseSpec{
		HolderIdentity: &holder, LeaseDurationSeconds: &recorded, AcquireTime: &renewed, RenewTime: &renewed,
	}})
	config := resourcelock.ResourceLockConfig{Identity: "candidate"}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var taken time.Duration
	begin := time.Now()
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock:          &resourcelock.LeaseLock{LeaseMeta: name, Client: client.CoordinationV1(), LockConfig: config},
		LeaseDuration: own, RenewDeadline: own / 2, RetryPeriod: own / 10,
		Callbacks: leaderelection.LeaderCallbacks{
			OnNewLeader: func(leader string) {
				if leader == "candidate" {
					taken = time.Since(begin)
					cancel()
				}
			},
			OnStartedLeading: func(context.Context) {},
			OnStoppedLeading: func() {},
		},
	})
	word := "within 6 s"
	if taken >= 6*time.Second {
		word = "after 6 s or more"
	}
	fmt.Printf("%s: taken %s\n", about, word)
}
GO
go mod init local/ask 2> go.log
go get k8s.io/client-go@v0.36.2 2>> go.log
go mod tidy 2>> go.log
go run . 2> errors | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
