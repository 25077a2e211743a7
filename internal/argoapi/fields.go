package argoapi

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// The bounds of what a query asks for: each field, and each word of a selector, is looked
// for in each object.
const (
	maxQuery  = 16 << 10
	maxFields = 200
)

// readQuery reads the query of an address.
func readQuery(raw string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, invalid("the address has a query of %d bytes: at most %d are read", len(raw), maxQuery)
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("the address has a query that can't be read: encode its values")
	}
	if n := len(fieldsOf(q.Get("fields")).paths); n > maxFields {
		return nil, invalid("parameter fields: %d fields are asked for: at most %d can be", n, maxFields)
	}
	return q, nil
}

// fields are the paths that the parameter of that name asks for, or excludes with a "-"
// before the first of them. Those of list items go through the lists: items.metadata.name.
type fields struct {
	paths   [][]string
	exclude bool
}

func fieldsOf(parameter string) fields {
	rest, exclude := strings.CutPrefix(parameter, "-")
	f := fields{exclude: exclude}
	for path := range strings.SplitSeq(rest, ",") {
		if path = strings.TrimSpace(path); path != "" {
			f.paths = append(f.paths, strings.Split(path, "."))
		}
	}
	return f
}

// all: nothing is left out.
func (f fields) all() bool { return len(f.paths) == 0 }

// below are the fields of what is at a path, for what is sent without what is around it.
func (f fields) below(path ...string) fields {
	out := fields{exclude: f.exclude}
	for _, p := range f.paths {
		if len(p) > len(path) && slices.Equal(p[:len(path)], path) {
			out.paths = append(out.paths, p[len(path):])
		}
	}
	return out
}

// has reports whether the path itself is named.
func (f fields) has(path ...string) bool {
	return slices.ContainsFunc(f.paths, func(p []string) bool { return slices.Equal(p, path) })
}

// of is a value of JSON with the fields that are asked for. What is given is not changed.
func (f fields) of(value any) any {
	if f.all() {
		return value
	}
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, v := range value {
			f.member(out, name, v)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = f.of(v)
		}
		return out
	}
	return value
}

func (f fields) member(out map[string]any, name string, v any) {
	within := f.below(name)
	switch named := f.has(name); {
	case f.exclude && named:
	case f.exclude:
		out[name] = within.of(v)
	case named:
		out[name] = v
	case len(within.paths) > 0:
		out[name] = within.of(v)
	}
}

// plain is any value as JSON's own types.
func plain(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(raw, &out)
}
