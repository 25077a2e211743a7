package textdiff

import (
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
		text, err := yaml.Marshal(map[string]any{key: object[key]})
		if err != nil { // what is no JSON is in no object that was read
			text = []byte(key + ": # can't be shown\n")
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
