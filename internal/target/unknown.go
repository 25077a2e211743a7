package target

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// repair takes out of what is to be applied the fields that it was refused for since
// the kind does not have them: kubectl's own apply leaves them out too. It reports
// whether there were any.
func (w *writing) repair(refusal error) bool {
	unknown := unknownFields(refusal)
	var object map[string]any
	if w.how.Strict || len(unknown) == 0 || utiljson.Unmarshal(w.obj.JSON, &object) != nil {
		return false
	}
	var left []string
	for _, path := range unknown {
		if remove(object, steps(path)) {
			left = append(left, strings.TrimPrefix(path, "."))
		}
	}
	text, err := json.Marshal(object)
	if len(left) == 0 || err != nil {
		return false
	}
	w.warned.unknown(left, w.how.NoValidate)
	w.obj.JSON = text
	return true
}

// undeclared is how the API server says that a kind has no such field.
var undeclared = regexp.MustCompile(`(\.\S.*?): field not declared in schema`)

// unknownFields are the paths of fields that an apply was refused for, as in
// .spec.containers[name="web"].imge.
func unknownFields(err error) []string {
	if err == nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(apiMessage(err)) {
		if _, after, ok := strings.Cut(line, "): ."); ok {
			line = "." + after
		}
		if m := undeclared.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = append(out, m[1])
		}
	}
	return out
}

// step is a part of a path: a field, or what an item of a list has to have.
type step struct {
	field string
	item  map[string]string
}

var pathPart = regexp.MustCompile(`\.([^.\[\]]+)|\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]`)

// steps takes a path apart; nil if it is none that can be followed.
func steps(path string) []step {
	var out []step
	end := 0
	for _, m := range pathPart.FindAllStringSubmatchIndex(path, -1) {
		if m[0] != end {
			return nil
		}
		end = m[1]
		if m[2] >= 0 {
			out = append(out, step{field: path[m[2]:m[3]]})
			continue
		}
		item := map[string]string{}
		for pair := range strings.SplitSeq(path[m[4]:m[5]], ",") {
			k, v, ok := strings.Cut(pair, "=")
			if !ok {
				return nil
			}
			item[k] = strings.Trim(v, `"`)
		}
		out = append(out, step{item: item})
	}
	if end != len(path) {
		return nil
	}
	return out
}

// remove takes a field out of a value, and reports whether it was there.
func remove(v any, path []step) bool {
	if len(path) == 0 {
		return false
	}
	switch at := v.(type) {
	case map[string]any:
		next, ok := at[path[0].field]
		switch {
		case !ok || path[0].item != nil:
			return false
		case len(path) == 1:
			delete(at, path[0].field)
			return true
		}
		return remove(next, path[1:])
	case []any:
		removed := false
		for _, item := range at {
			if path[0].item != nil && matches(item, path[0].item) {
				removed = remove(item, path[1:]) || removed
			}
		}
		return removed
	}
	return false
}

// matches reports whether an item of a list has these keys. One that it leaves to
// its default counts as the same.
func matches(item any, keys map[string]string) bool {
	m, ok := item.(map[string]any)
	if !ok {
		return false
	}
	for k, want := range keys {
		if got, ok := m[k]; ok && fmt.Sprint(got) != want {
			return false
		}
	}
	return true
}

// causes are the single reasons of a refusal.
func causes(err error) []metav1.StatusCause {
	if s := statusOf(err); s.Details != nil {
		return s.Details.Causes
	}
	return nil
}
