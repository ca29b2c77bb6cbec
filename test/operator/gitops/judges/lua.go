package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	luajson "layeh.com/gopher-json"
)

// Runs a script as Argo CD 3.5 runs those of argocd-cm (its util/lua: all of it would be 500 packages more): the same
// interpreter, with the libraries base, table, package and os alone, one second of time, and the object as `obj`.
func runLua(object *unstructured.Unstructured, script string, result any) error {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, lua.OpenOs},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	value, err := luajson.Decode(state, text)
	if err != nil {
		return err
	}
	state.SetGlobal("obj", value)
	if err := state.DoString(script); err != nil {
		return err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return fmt.Errorf("expected a table from the script, not %s", returned.Type())
	}
	if text, err = luajson.Encode(returned); err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// A health script, in place of what gitops-engine knows of the kind: nothing.
type luaHealth string

func (script luaHealth) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	if script == "" {
		return nil, nil
	}
	judged := &health.HealthStatus{}
	return judged, runLua(object, string(script), judged)
}
