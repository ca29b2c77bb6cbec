#!/usr/bin/env bash
# As soon as a Kustomization of Flux has one postBuild.substitute, each ${word} in all that it applies is one of its variables, and an
# unknown one is the empty text: Grafana's ${datasource} and a shell's ${SHARD} are gone, and $datasource stays.
#
# A good guess: what has no value stays as it is, as in envsubst with a list of names, or is an error; and what stands in a
# dashboard's JSON or in a script inside of a ConfigMap is text.
# Package: Go github.com/fluxcd/pkg/kustomize 1.40.0, whose SubstituteVariables Flux's kustomize-controller calls for each object; asked
# here for a ConfigMap and a Kustomization with cluster: west, and, strict, as with the feature gate StrictPostBuildSubstitutions.
# Seen:
# - ${datasource} and ${datasource:raw} become nothing, in strict mode an error; ${shard:-all}, a shell's default, is replaced by it;
# - ${__data.fields.shard} is an error in either mode;
# - $datasource, $__rate_interval, $(NAME) and {{ $labels.shard }} stay; nothing is replaced where the Kustomization has no variable,
#   so it begins with the first one that somebody adds for another object.
# So a dashboard that works when it is imported by hand shows no data when it comes by Flux, and nothing says why.
# The way out: the annotation or label kustomize.toolkit.fluxcd.io/substitute: disabled on such objects, or $${datasource}.
# Output:
#   ${cluster}: west, strict: west
#   ${datasource}: nothing, strict: error
#   ${datasource:raw}: nothing, strict: error
#   ${shard:-all}: all, strict: all
#   ${__data.fields.shard}: error, strict: error
#   $datasource: $datasource, strict: $datasource
#   $${datasource}: ${datasource}, strict: ${datasource}
#   ${datasource}, annotated: ${datasource}, strict: ${datasource}
#   ${datasource}, no variables: ${datasource}, strict: ${datasource}
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

	flux "github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/yaml"
)

const substituted, disabled = "postBuild: {substitute: {cluster: west}}", "{kustomize.toolkit.fluxcd.io/substitute: disabled}"

func main() {
	for _, text := range []string{
		"${cluster}", "${datasource}", "${datasource:raw}", "${shard:-all}", "${__data.fields.shard}", "$datasource", "$${datasource}",
	} {
		ask(text, "", "{}", substituted)
	}
	ask("${datasource}", ", annotated", disabled, substituted)
	ask("${datasource}", ", no variables", "{}", "prune: true")
}

func ask(text, about, annotations, spec string) {
	loose, strict := replace(text, annotations, spec, false), replace(text, annotations, spec, true)
	fmt.Printf("%s%s: %s, strict: %s\n", text, about, loose, strict)
}

func replace(text, annotations, spec string, strict bool) string {
	object := "{apiVersion: v1, kind: ConfigMap, metadata: {name: dashboard, annotations: " + annotations + "}, data: {text: '" + text + "'}}"
	resource, err := provider.NewDefaultDepProvider().GetResourceFactory().FromBytes([]byte(object))
	must(err)
	var kustomization unstructured.Unstructured
	must(yaml.Unmarshal([]byte("{kind: Kustomization, spec: {"+spec+"}}"), &kustomization.Object))
	replaced, err := flux.SubstituteVariables(context.TODO(), nil, kustomization, resource, flux.SubstituteWithStrict(strict))
	if err != nil {
		return "error"
	}
	if replaced == nil {
		return text // As it is.
	}
	if got := replaced.GetDataMap()["text"]; got != "" {
		return got
	}
	return "nothing"
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init local/ask 2> go.log
go get github.com/fluxcd/pkg/kustomize@v1.40.0 2>> go.log
go mod tidy 2>> go.log || { tail -5 go.log; exit 1; }
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
