package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// chosen is out as JSON, with the fields that the request asks for: those of the
// items where out is a list.
func (c *call) chosen(out any) ([]byte, error) {
	wanted := split(c.query.Get("fields"))
	if len(wanted) == 0 {
		return encode(out)
	}
	item := itemType(reflect.TypeOf(out))
	for _, path := range wanted {
		if !hasField(item, strings.Split(path, ".")) {
			return nil, model.Invalidf("parameter fields: there is no field %.80q; there are %s", path, strings.Join(jsonFields(item), ", "))
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	var whole map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&whole); err != nil {
		return nil, err
	}
	items, isList := whole["items"].([]any)
	if !isList {
		return encode(prune(whole, wanted))
	}
	for i := range items {
		items[i] = prune(items[i].(map[string]any), wanted)
	}
	return encode(whole)
}

// prune is an object with the paths that are wanted; of lists, of each element.
func prune(object map[string]any, wanted []string) map[string]any {
	out := map[string]any{}
	below := map[string][]string{}
	for _, path := range wanted {
		name, rest, deeper := strings.Cut(path, ".")
		value, there := object[name]
		switch {
		case !there:
		case deeper:
			below[name] = append(below[name], rest)
		default:
			out[name] = value
		}
	}
	for name, paths := range below {
		if _, whole := out[name]; !whole {
			out[name] = pruneValue(object[name], paths)
		}
	}
	return out
}

func pruneValue(v any, wanted []string) any {
	switch v := v.(type) {
	case map[string]any:
		return prune(v, wanted)
	case []any:
		for i := range v {
			v[i] = pruneValue(v[i], wanted)
		}
	}
	return v
}

func split(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// itemType is the type of a list's items, or t.
func itemType(t reflect.Type) reflect.Type {
	if f, ok := t.FieldByName("Items"); ok {
		return f.Type.Elem()
	}
	return t
}

// hasField reports whether a type has a field of that path, whatever keys maps have.
func hasField(t reflect.Type, path []string) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case len(path) == 0:
		return true
	case t.Kind() == reflect.Map || t.Kind() == reflect.Interface:
		return true
	case t.Kind() != reflect.Struct:
		return false
	}
	for f := range jsonStruct(t) {
		if jsonName(f) == path[0] {
			return hasField(f.Type, path[1:])
		}
	}
	return false
}

// fieldsOf are the names of the fields of what v points to.
func fieldsOf(v any) []string { return jsonFields(reflect.TypeOf(v).Elem()) }

func jsonFields(t reflect.Type) []string {
	var out []string
	for f := range jsonStruct(t) {
		out = append(out, jsonName(f))
	}
	return out
}

// jsonStruct are the fields that a struct has in JSON, those of embedded ones too.
func jsonStruct(t reflect.Type) func(func(reflect.StructField) bool) {
	return slices.Values(slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous || !f.IsExported() }))
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
