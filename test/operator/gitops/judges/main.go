// Answers, one line of JSON each, what GitOps tools make of an object: the libraries that Flux, Helm and Argo CD decide with, on
// the lines of JSON it reads.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	flux "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/ssa"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubectl/pkg/cmd/util"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type question struct {
	// "judge", "lua", "argo apply", "argo diff" or "flux apply".
	Do         string
	Object     *unstructured.Unstructured
	Kubeconfig string
	// A script of Argo CD: of "judge" for the health of the kind, of "lua" one whose result is the answer.
	Lua string
	// Of "argo apply" and "argo diff".
	ServerSide bool
}

const argoManager = "argocd-controller"

// Of the cluster: read once, as Argo CD does.
var schema *managedfields.GvkParser

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		answer, err := answerTo(line)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func answerTo(line []byte) (any, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, err
	}
	switch asked.Do {
	case "judge":
		return judge(asked)
	case "lua":
		var result any
		return &result, runLua(asked.Object, asked.Lua, &result)
	case "argo apply":
		return argoApply(asked)
	case "argo diff":
		return argoDiff(asked)
	case "flux apply":
		return fluxApply(asked)
	}
	return nil, fmt.Errorf("unknown question %q", asked.Do)
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func judge(asked question) (any, error) {
	byKstatus, err := kstatus.Compute(asked.Object)
	if err != nil {
		return nil, err
	}
	byFlux, err := flux.Compute(asked.Object)
	if err != nil {
		return nil, err
	}
	byArgo, err := health.GetResourceHealth(asked.Object, luaHealth(asked.Lua))
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"kstatus": verdict{string(byKstatus.Status), byKstatus.Message},
		"flux":    verdict{string(byFlux.Status), byFlux.Message},
	}
	if byArgo != nil {
		answer["argo"] = verdict{string(byArgo.Status), byArgo.Message}
	}
	return answer, nil
}

func connect(asked question) (*rest.Config, *kube.KubectlCmd, error) {
	config, err := clientcmd.BuildConfigFromFlags("", asked.Kubeconfig)
	return config, &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}, err
}

func argoApply(asked question) (any, error) {
	config, kubectl, err := connect(asked)
	if err != nil {
		return nil, err
	}
	resources, cleanUp, err := kubectl.ManageResources(config)
	if err != nil {
		return nil, err
	}
	defer cleanUp()
	said, err := resources.ApplyResource(context.Background(), asked.Object, util.DryRunNone, false, true, asked.ServerSide, argoManager)
	return map[string]any{"said": said}, err
}

// Whether the live object is out of sync, by each way Argo CD has to find out.
func argoDiff(asked question) (any, error) {
	config, kubectl, err := connect(asked)
	if err != nil {
		return nil, err
	}
	wanted := asked.Object
	live, err := kubectl.GetResource(context.Background(), config, wanted.GroupVersionKind(), wanted.GetName(), wanted.GetNamespace())
	if err != nil {
		return nil, err
	}
	if schema == nil {
		if _, schema, err = kubectl.LoadOpenAPISchema(config); err != nil {
			return nil, err
		}
	}
	dryRuns, cleanUp, err := kubectl.ManageServerSideDiffDryRuns(config)
	if err != nil {
		return nil, err
	}
	defer cleanUp()
	common := []diff.Option{diff.WithGVKParser(schema), diff.WithManager(argoManager), diff.WithLogr(logr.Discard())}
	ways := map[string][]diff.Option{
		"serverSide": {diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(dryRuns))},
	}
	if asked.ServerSide {
		ways["structuredMerge"] = []diff.Option{diff.WithStructuredMergeDiff(true)}
	} else {
		ways["threeWay"] = nil
	}
	answer := map[string]any{}
	for way, options := range ways {
		found, err := diff.Diff(wanted.DeepCopy(), live.DeepCopy(), append(options, common...)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", way, err)
		}
		answer[way] = "synced"
		if found.Modified {
			answer[way] = map[string]any{"live": string(found.NormalizedLive), "predicted": string(found.PredictedLive)}
		}
	}
	return answer, nil
}

// What Flux does with the object, and what it finds to do right after.
func fluxApply(asked question) (any, error) {
	config, _, err := connect(asked)
	if err != nil {
		return nil, err
	}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	manager := ssa.NewResourceManager(api, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	applied, err := manager.Apply(context.Background(), asked.Object.DeepCopy(), ssa.DefaultApplyOptions())
	if err != nil {
		return nil, err
	}
	drift, _, _, err := manager.Diff(context.Background(), asked.Object.DeepCopy(), ssa.DefaultDiffOptions())
	if err != nil {
		return nil, err
	}
	return map[string]any{"applied": applied.Action.String(), "drift": drift.Action.String()}, nil
}
