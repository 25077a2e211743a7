// Package jsonnet evaluates Jsonnet files to objects, each with an interpreter
// of its own. Imports come from the source alone, and native functions do not
// exist. The interpreter can't be interrupted: a file that never ends does so
// with the process that a render runs in.
package jsonnet

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-jsonnet"
	kjson "sigs.k8s.io/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// maxStack is how deep calls may be nested: the interpreter's own default.
const maxStack = 500

// File evaluates a file of the source to the objects that it makes: an object,
// a list of Kubernetes, or an array of them. Imports are looked for beside the
// file that imports, then in s.Libs, the last first, then at the root of the
// source. Errors of the file are model.ErrInvalid and name file and line.
func File(in *input.Inputs, name string, s model.Jsonnet) ([]model.Object, error) {
	importer, err := newImporter(in.Files, s.Libs)
	if err != nil {
		return nil, err
	}
	vm := machine(importer, s)
	node, _, err := vm.ImportAST("", "/"+name)
	var text string
	if err == nil {
		text, err = vm.Evaluate(node)
	}
	if in.Broken() != nil {
		return nil, in.Broken()
	}
	if err != nil {
		return nil, problem(name, err)
	}
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts([]byte(text), &v); err != nil {
		return nil, model.Invalidf("%s: %w", name, err)
	}
	r := result{file: name}
	if err := r.add(name, v); err != nil {
		return nil, err
	}
	return r.objects, nil
}

func machine(importer jsonnet.Importer, s model.Jsonnet) *jsonnet.VM {
	vm := jsonnet.MakeVM()
	vm.MaxStack = maxStack
	vm.SetTraceOut(io.Discard)
	vm.Importer(importer)
	for _, v := range s.ExtVars {
		if v.Code {
			vm.ExtCode(v.Name, v.Value)
		} else {
			vm.ExtVar(v.Name, v.Value)
		}
	}
	for _, v := range s.TLAs {
		if v.Code {
			vm.TLACode(v.Name, v.Value)
		} else {
			vm.TLAVar(v.Name, v.Value)
		}
	}
	return vm
}

// result collects what a file evaluates to.
type result struct {
	file    string
	objects []model.Object
}

// add adds a value: an object, or those of an array or a list.
func (r *result) add(place string, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return r.items(place, v)
	case map[string]any:
		kind, _ := v["kind"].(string)
		if items, ok := v["items"].([]any); ok && strings.HasSuffix(kind, "List") {
			inherit(items, kind, v["apiVersion"])
			return r.items(place, items)
		}
		return r.object(place, v)
	}
	return model.Invalidf("%s: it makes a single value; it has to make an object or an array of objects", place)
}

func (r *result) items(place string, items []any) error {
	for i, item := range items {
		if err := r.add(fmt.Sprintf("%s, item %d", place, i+1), item); err != nil {
			return err
		}
	}
	return nil
}

// inherit gives the items of a list of one kind that kind, where they don't
// name any.
func inherit(items []any, list string, api any) {
	kind := strings.TrimSuffix(list, "List")
	for _, item := range items {
		if o, ok := item.(map[string]any); ok && kind != "" && o["kind"] == nil && o["apiVersion"] == nil {
			o["kind"], o["apiVersion"] = kind, api
		}
	}
}

func (r *result) object(place string, v map[string]any) error {
	if v["apiVersion"] == nil && v["kind"] == nil && v["metadata"] == nil {
		return model.Invalidf("%s: it makes a map that is no object (no apiVersion, kind and metadata); "+
			"for a map of objects, make an array of them with std.objectValues", place)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return model.Invalidf("%s: %w", place, err)
	}
	var f manifest.Fields
	if err := json.Unmarshal(text, &f); err != nil {
		return model.Invalidf("%s: %w", place, err)
	}
	o, err := manifest.New(place, f, text)
	if err != nil {
		return err
	}
	o.Origin = r.file
	r.objects = append(r.objects, o)
	return nil
}
