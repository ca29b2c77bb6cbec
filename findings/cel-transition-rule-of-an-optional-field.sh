#!/usr/bin/env bash
# An optional field that a CustomResourceDefinition declares immutable can be changed in two updates, or by leaving out what it is
# in: no rule of the field is asked when it comes or goes.
#
# A good guess: x-kubernetes-validations with the rule self == oldSelf on a field means that it never changes; and with
# optionalOldSelf: true, made for when there is no old value, its removal is seen, too.
# Package: Go k8s.io/apiextensions-apiserver 0.36.2, the validator that the API server runs the rules with. Seen: a rule that names
# oldSelf runs only if the field has a value before and after; optionalOldSelf adds the case without one before, in which it
# cannot tell an addition from a creation; nothing runs where there is none after. So a group moves to another table by way of an update without table, as a GitOps tool makes
# from an edited manifest, and its positions are elsewhere: it reads from the beginning, or skips. A rule on the object
# around the field has the same hole if that object is optional.
# The way out: the rule on spec, which is always there: has(self.a) == has(oldSelf.a) && (!has(self.a) || self.a == oldSelf.a);
# for a nested field make its parents required, or give them a default of {}.
# Output:
#   rule on the field: {table: a} to {table: b}: refused
#   rule on the field: {table: a} to {}: accepted
#   rule on the field: {} to {table: b}: accepted
#   optionalOldSelf: {table: a} to {table: b}: refused
#   optionalOldSelf: {table: a} to {}: accepted
#   optionalOldSelf: {} to {table: b}: refused
#   rule on spec: {table: a} to {table: b}: refused
#   rule on spec: {table: a} to {}: refused
#   rule on spec: {} to {table: b}: refused
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

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	limits "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const object = "{type: object, properties: {spec: {type: object, properties: {table: {type: string, maxLength: 255%s}}%s}}}"

func rule(text string) string { return ", x-kubernetes-validations: [{" + text + "}]" }

func main() {
	ask("rule on the field", fmt.Sprintf(object, rule("rule: self == oldSelf"), ""))
	ask("optionalOldSelf", fmt.Sprintf(object, rule(`optionalOldSelf: true, rule: "oldSelf.orValue('') == self"`), ""))
	ask("rule on spec", fmt.Sprintf(object, "",
		rule(`rule: "has(self.table) == has(oldSelf.table) && (!has(self.table) || self.table == oldSelf.table)"`)))
}

func ask(about, text string) {
	var published v1.JSONSchemaProps
	must(yaml.UnmarshalStrict([]byte(text), &published))
	var internal apiextensions.JSONSchemaProps
	must(v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&published, &internal, nil))
	structural, err := schema.NewStructural(&internal)
	must(err)
	validator := cel.NewValidator(structural, true, limits.PerCallLimit)
	for _, update := range [][2]string{{"{table: a}", "{table: b}"}, {"{table: a}", "{}"}, {"{}", "{table: b}"}} {
		before, after := group(update[0]), group(update[1])
		refusals, _ := validator.Validate(context.TODO(), nil, structural, after, before, limits.RuntimeCELCostBudget)
		word := "accepted"
		if len(refusals) > 0 {
			word = "refused"
		}
		fmt.Printf("%s: %s to %s: %s\n", about, update[0], update[1], word)
	}
}

func group(spec string) (object map[string]any) {
	must(yaml.Unmarshal([]byte("{apiVersion: example.com/v1, kind: Group, metadata: {name: orders}, spec: "+spec+"}"), &object))
	return object
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init local/ask 2> go.log
go get k8s.io/apiextensions-apiserver@v0.36.2 2>> go.log
go mod tidy 2>> go.log
go run . | tee seen
sed -n '/^# Output/,/^# Needs/s/^#   //p' "$here/$(basename "$0")" | diff seen -
