package action

import (
	"encoding/json"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// object reads fields of a live object. What is missing, or of another type than
// asked for, reads as nothing.
type object map[string]any

func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (o object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

func (o object) flag(path ...string) bool {
	b, _ := o.at(path...).(bool)
	return b
}

func (o object) list(path ...string) []any {
	l, _ := o.at(path...).([]any)
	return l
}

func (o object) fields(path ...string) map[string]any {
	m, _ := o.at(path...).(map[string]any)
	return m
}

// number is an integer; false if there is none.
func (o object) number(path ...string) (int64, bool) {
	switch n := o.at(path...).(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), n == float64(int64(n))
	}
	return 0, false
}

func (o object) annotation(name string) string { return o.text("metadata", "annotations", name) }

func (o object) group() string {
	group, _, ok := strings.Cut(o.text("apiVersion"), "/")
	if !ok {
		return ""
	}
	return group
}

func (o object) version() string {
	v := o.text("apiVersion")
	return v[strings.LastIndex(v, "/")+1:]
}

func (o object) key() model.ObjectKey { return o.ref().ObjectKey }

func (o object) ref() model.ObjectRef {
	return model.ObjectRef{
		ObjectKey: model.ObjectKey{
			Group: o.group(), Kind: o.text("kind"), Namespace: o.text("metadata", "namespace"), Name: o.text("metadata", "name"),
		},
		Version: o.version(),
	}
}

// kindName is the kind with its group.
func (o object) kindName() string {
	if o.group() == "" {
		return o.text("kind")
	}
	return o.text("kind") + "." + o.group()
}

// condition reports whether one of the status' conditions has that type and status.
func (o object) condition(kind, status string) bool {
	for _, item := range o.list("status", "conditions") {
		c, _ := item.(map[string]any)
		if object(c).text("type") == kind && object(c).text("status") == status {
			return true
		}
	}
	return false
}

// copied is a deep copy; nil stays nil.
func copied(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	return copyOf(m).(map[string]any)
}

func copyOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = copyOf(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = copyOf(item)
		}
		return out
	}
	return v
}

// owner is a reference to the object as an owner.
func (o object) owner() map[string]any {
	return map[string]any{
		"apiVersion": o.text("apiVersion"), "kind": o.text("kind"),
		"name": o.text("metadata", "name"), "uid": o.text("metadata", "uid"),
	}
}

// sameJSON reports whether two values are the same as JSON: 1 is 1.0.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
