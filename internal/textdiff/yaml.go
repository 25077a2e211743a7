package textdiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// first are the keys that an object begins with; the others follow by name.
var first = []string{"apiVersion", "kind", "metadata"}

// yamlOf is an object as YAML; "" of nil and of an empty one.
func yamlOf(object map[string]any) string {
	var b strings.Builder
	write := func(key string) {
		text, err := yaml.Marshal(map[string]any{key: flat(object[key], deepest)})
		if err != nil { // as of keys that are longer than YAML's may be
			text = lineOf(key, object[key])
		}
		b.Write(text)
	}
	for _, key := range first {
		if _, ok := object[key]; ok {
			write(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(first, key) {
			write(key)
		}
	}
	return b.String()
}

// lineOf is a field in one line.
func lineOf(key string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil { // what is no JSON is in no object that was read
		return []byte(key + ": # can't be shown\n")
	}
	return fmt.Appendf(nil, "%s: %s\n", key, text)
}

// deepest is how deep values are in each other, as YAML: each level indents all below it,
// so that a small object could be a very long text.
const deepest = 100

// flat is a value with what is deeper in it than so many levels as JSON, in one line. What
// is given is not changed.
func flat(v any, levels int) any {
	if !deeperThan(v, levels) {
		return v
	}
	if levels == 0 {
		text, err := json.Marshal(v)
		if err != nil {
			return "can't be shown"
		}
		return string(text)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = flat(value, levels-1)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = flat(value, levels-1)
		}
		return out
	}
	return v
}

// deeperThan reports whether a value has more than so many levels.
func deeperThan(v any, levels int) bool {
	switch v := v.(type) {
	case map[string]any:
		if levels == 0 {
			return len(v) > 0
		}
		for _, value := range v {
			if deeperThan(value, levels-1) {
				return true
			}
		}
	case []any:
		return levels == 0 && len(v) > 0 || levels > 0 && slices.ContainsFunc(v, func(value any) bool { return deeperThan(value, levels-1) })
	}
	return false
}
