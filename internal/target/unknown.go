package target

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// repair changes what is to be applied where a server-side apply is refused and
// kubectl's own would not be. It reports whether it has changed anything.
func (w *writing) repair(refusal error) bool {
	unknown := unknownFields(refusal)
	if w.how.Strict {
		unknown = nil
	}
	stale := staleStrategies(refusal)
	if len(unknown) == 0 && len(stale) == 0 {
		return false
	}
	var object map[string]any
	if utiljson.Unmarshal(w.obj.JSON, &object) != nil {
		return false
	}
	var left []string
	for _, path := range unknown {
		if remove(object, steps(path)) {
			left = append(left, strings.TrimPrefix(path, "."))
		}
	}
	changed := len(left) > 0
	for _, fields := range stale {
		changed = setNull(object, fields) || changed
	}
	text, err := json.Marshal(object)
	if !changed || err != nil {
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

// staleStrategies are the settings of a rolling update that an object has got by
// default and that its new strategy refuses: kubectl's apply takes them away.
func staleStrategies(err error) [][]string {
	if !apierrors.IsInvalid(err) {
		return nil
	}
	var out [][]string
	for _, c := range causes(err) {
		if strings.HasSuffix(c.Field, "trategy.rollingUpdate") {
			out = append(out, strings.Split(c.Field, "."))
		}
	}
	return out
}

// setNull sets a field that the object does not have, of a map that it has.
func setNull(object map[string]any, fields []string) bool {
	at := object
	for _, f := range fields[:len(fields)-1] {
		next, ok := at[f].(map[string]any)
		if !ok {
			return false
		}
		at = next
	}
	last := fields[len(fields)-1]
	if _, ok := at[last]; ok {
		return false
	}
	at[last] = nil
	return true
}

// causes are the single reasons of a refusal.
func causes(err error) []metav1.StatusCause {
	if s := statusOf(err); s.Details != nil {
		return s.Details.Causes
	}
	return nil
}
