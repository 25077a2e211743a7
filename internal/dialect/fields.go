// Package dialect is what the front ends share: how they find out what a user
// has set and does not get, and in which order they go about objects. Each front end is a package below it.
package dialect

import (
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Fields is a tree of field names; a nil value stands for all that is below.
// Elements of lists have the fields of the list.
type Fields map[string]Fields

// Warnings warns of every field of a spec that is set and not in honoured, by
// its path. consequences says for some paths what follows from that.
func Warnings(spec map[string]any, honoured Fields, consequences map[string]string) []model.Warning {
	var out []model.Warning
	for _, path := range slices.Compact(slices.Sorted(slices.Values(ignored(spec, honoured, "spec")))) {
		text := path + " is not honoured yet"
		if c := consequences[path]; c != "" {
			text += ": " + c
		}
		out = append(out, model.Warning{Type: model.WarnField, Message: text})
	}
	return out
}

func ignored(value any, honoured Fields, path string) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below, known := honoured[name]
			switch at := path + "." + name; {
			case !isSet(v[name]):
			case !known:
				out = append(out, at)
			case below != nil:
				out = append(out, ignored(v[name], below, at)...)
			}
		}
	case []any:
		for _, element := range v {
			out = append(out, ignored(element, honoured, path)...)
		}
	}
	return out
}

// isSet reports whether a value asks for anything: false, zero and empty values
// don't, nor does an object or a list of such.
func isSet(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return strings.TrimSpace(v) != ""
	case int64:
		return v != 0
	case float64:
		return v != 0
	case []any:
		return slices.ContainsFunc(v, isSet)
	case map[string]any:
		for _, below := range v {
			if isSet(below) {
				return true
			}
		}
		return false
	}
	return true
}
