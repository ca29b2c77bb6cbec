#!/usr/bin/env bash
# A HorizontalPodAutoscaler by an external metric scales down under load while pods start, with a target of type Value; and with
# AverageValue one of 20 workers stays at 20 when the metric says 22.
#
# A good guess: the target is what the metric shall be, and the answer is in proportion to the pods that there are; a metric
# that counts what is needed, such as shards with an average of 1, gives that number.
# Package: Go k8s.io/kubernetes 1.37.2, its own controller with clients of client-go's fake kind. Seen:
# - Value: the ratio is applied to the pods that are ready. Twice the target with 4 pods of which 3 have just been
#   started gives 2: the new ones go again, and it begins anew. AverageValue does not look at pods.
# - both: within a tenth of the target nothing happens, so what is missing is up to a tenth of the workers, for good: from
#   10 workers on one more shard brings none, at 20 not two more. KEDA makes HPAs, so its triggers go by this, too.
# The way out: AverageValue, and behavior.scaleUp.tolerance: 0, which this version takes without a feature gate.
# Output:
#   Value 100, seen 200, 4 pods, 4 ready: 8
#   Value 100, seen 200, 4 pods, 1 ready: 2
#   AverageValue 50, seen 400, 4 pods, 1 ready: 8
#   AverageValue 1, seen 21, 20 pods, 20 ready: 20
#   AverageValue 1, seen 22, 20 pods, 20 ready: 20
#   AverageValue 1, seen 23, 20 pods, 20 ready: 23
#   AverageValue 1, seen 22, 20 pods, 20 ready, tolerance 0: 22
# Needs Go (1.26 or later), and some minutes to build the controller.
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

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	meta1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	scales "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// An external metric of one value.
type measured struct {
	metrics.MetricsClient
	value int64
}

func (m measured) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	return []int64{1000 * m.value}, time.Now(), nil
}

func main() {
	whole := func(number int64) *resource.Quantity { return resource.NewQuantity(number, resource.DecimalSI) }
	value := autoscaling.MetricTarget{Type: autoscaling.ValueMetricType, Value: whole(100)}
	average := func(target int64) autoscaling.MetricTarget {
		return autoscaling.MetricTarget{Type: autoscaling.AverageValueMetricType, AverageValue: whole(target)}
	}
	fmt.Println("Value 100, seen 200, 4 pods, 4 ready:", wanted(value, 200, 4, 4, nil))
	fmt.Println("Value 100, seen 200, 4 pods, 1 ready:", wanted(value, 200, 4, 1, nil))
	fmt.Println("AverageValue 50, seen 400, 4 pods, 1 ready:", wanted(average(50), 400, 4, 1, nil))
	for _, seen := range []int64{21, 22, 23} {
		fmt.Printf("AverageValue 1, seen %d, 20 pods, 20 ready: %d\n", seen, wanted(average(1), seen, 20, 20, nil))
	}
	fmt.Println("AverageValue 1, seen 22, 20 pods, 20 ready, tolerance 0:", wanted(average(1), 22, 20, 20, whole(0)))
}

func wanted(target autoscaling.MetricTarget, seen int64, pods, ready int, tolerance *resource.Quantity) int32 {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// What the API server fills in.
	most, window := autoscaling.MaxChangePolicySelect, int32(0)
	policies := []autoscaling.HPAScalingPolicy{{Type: autoscaling.PercentScalingPolicy, Value: 100, PeriodSeconds: 15}}
	down := autoscaling.HPAScalingRules{StabilizationWindowSeconds: &window, SelectPolicy: &most, Policies: policies}
	up := down
	up.Tolerance = tolerance
	at := meta1.ObjectMeta{Name: "orders", Namespace: "shop"}
	hpa := &autoscaling.HorizontalPodAutoscaler{ObjectMeta: at, Spec: autoscaling.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "orders"},
		MaxReplicas:    100,
		Behavior:       &autoscaling.HorizontalPodAutoscalerBehavior{ScaleUp: &up, ScaleDown: &down},
		Metrics: []autoscaling.MetricSpec{{
			Type:     autoscaling.ExternalMetricSourceType,
			External: &autoscaling.ExternalMetricSource{Metric: autoscaling.MetricIdentifier{Name: "waiting"}, Target: target},
		}},
	}}
	objects := []runtime.Object{hpa}
	for i := range pods {
		pod := core.Pod{ObjectMeta: at, Status: core.PodStatus{Phase: core.PodRunning}}
		pod.Name, pod.Labels = fmt.Sprint("orders-", i), map[string]string{"app": "orders"}
		if i < ready {
			pod.Status.Conditions = []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}}
		}
		objects = append(objects, &pod)
	}
	client := fake.NewClientset(objects...)
	scale := &scales.FakeScaleClient{}
	scale.AddReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &autoscalingv1.Scale{
			ObjectMeta: at,
			Spec:       autoscalingv1.ScaleSpec{Replicas: int32(pods)},
			Status:     autoscalingv1.ScaleStatus{Replicas: int32(pods), Selector: "app=orders"},
		}, nil
	})
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{apps})
	mapper.Add(apps.WithKind("Deployment"), meta.RESTScopeNamespace)
	watched := informers.NewSharedInformerFactory(client, 0)
	controller := podautoscaler.NewHorizontalController(
		ctx, client.CoreV1(), scale, client.AutoscalingV2(), mapper, measured{value: seen},
		watched.Autoscaling().V2().HorizontalPodAutoscalers(), watched.Core().V1().Pods(),
		100*time.Millisecond, 0, 0.1, 0, 0,
	)
	watched.Start(ctx.Done())
	go controller.Run(ctx, 1)
	for {
		hpa, err := client.AutoscalingV2().HorizontalPodAutoscalers("shop").Get(ctx, "orders", meta1.GetOptions{})
		if err != nil {
			panic(err)
		}
		if hpa.Status.DesiredReplicas != 0 {
			return hpa.Status.DesiredReplicas
		}
		time.Sleep(50 * time.Millisecond)
	}
}
GO
go mod init local/ask 2> go.log
# Its own parts are modules of their own, which it names by folders of its repository.
published=$(go mod download -json k8s.io/kubernetes@v1.37.2 | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
for part in $(sed -n 's/^\t*\(k8s.io\/[a-z-]*\) => \.\/staging.*/\1/p' "$published"); do
  go mod edit -replace "$part=$part@v0.37.2"
done
go mod edit -require k8s.io/kubernetes@v1.37.2
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go run . 2> controller.log | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
