package compare

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// entry is one of an object's managedFields.
type entry struct {
	manager, operation, subresource string
	time                            time.Time
	fields                          *fieldpath.Set
}

const (
	applied = "Apply"
	updated = "Update"
)

// entriesOf reads managedFields; an entry that can't be read counts as empty.
func entriesOf(obj map[string]any) []entry {
	meta, _ := obj["metadata"].(map[string]any)
	raw, _ := meta["managedFields"].([]any)
	var out []entry
	for _, r := range raw {
		m, ok := r.(map[string]any)
		if !ok {
			continue
		}
		word := func(k string) string { s, _ := m[k].(string); return s }
		e := entry{manager: word("manager"), operation: word("operation"), subresource: word("subresource"), fields: &fieldpath.Set{}}
		e.time, _ = time.Parse(time.RFC3339, word("time"))
		if b, err := json.Marshal(m["fieldsV1"]); err == nil {
			set := &fieldpath.Set{}
			if set.FromJSON(bytes.NewReader(b)) == nil {
				e.fields = set
			}
		}
		out = append(out, e)
	}
	return out
}

// fieldsOf is what the entries that qualify own together.
func fieldsOf(entries []entry, qualifies func(entry) bool) *fieldpath.Set {
	out := &fieldpath.Set{}
	for _, e := range entries {
		if qualifies(e) {
			out = out.Union(e.fields)
		}
	}
	return out
}

// covers reports whether the set has the place, or a list or map around it that is
// owned as a whole.
func covers(set *fieldpath.Set, p place) bool {
	for i, step := range p {
		inner, deeper := set.Children.Get(step)
		if i == len(p)-1 || !deeper {
			return set.Members.Has(step)
		}
		set = inner
	}
	return false
}

// touches reports whether the set covers the place or anything in it.
func touches(set *fieldpath.Set, p place) bool {
	below := descend(set, p)
	return covers(set, p) || below != nil && !below.Empty()
}

// descend is what the set has in a place; nil for nothing.
func descend(set *fieldpath.Set, p place) *fieldpath.Set {
	for _, step := range p {
		inner, ok := set.Children.Get(step)
		if !ok {
			return nil
		}
		set = inner
	}
	return set
}

// shape knows of which lists the elements have keys or are a set: managedFields
// show it. All others are taken as a whole.
type shape struct{ all *fieldpath.Set }

func shapeOf(entries ...entry) shape {
	return shape{fieldsOf(entries, func(entry) bool { return true })}
}

// step is the one that leads to an element of the list at p.
func (s shape) step(p place, i int, element any) fieldpath.PathElement {
	set := descend(s.all, p)
	if set == nil {
		return at(i)
	}
	if names := keyNames(set); len(names) > 0 {
		return keyStep(element, names, i)
	}
	if isSet(set) {
		return fieldpath.ValueElement(value.NewValueInterface(element))
	}
	return at(i)
}

// keyed is the place with keys instead of positions where lists have them. v is
// the object.
func (s shape) keyed(v any, p place) place {
	out := make(place, 0, len(p))
	for _, step := range p {
		next, i, ok := child(v, step)
		if ok && i >= 0 {
			step = s.step(out, i, next)
		}
		out, v = append(out, step), next
	}
	return out
}

func keyNames(set *fieldpath.Set) []string {
	var names []string
	note := func(step fieldpath.PathElement) {
		if step.Key == nil {
			return
		}
		for _, f := range *step.Key {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	set.Members.Iterate(note)
	set.Children.Iterate(note)
	return names
}

func isSet(set *fieldpath.Set) bool {
	found := false
	set.Members.Iterate(func(step fieldpath.PathElement) { found = found || step.Value != nil })
	return found
}

// keyStep leads to the element by its keys. One that it does not give is left
// out: it has its default.
func keyStep(element any, names []string, i int) fieldpath.PathElement {
	m, ok := element.(map[string]any)
	if !ok {
		return at(i)
	}
	var key value.FieldList
	for _, n := range names {
		if v, given := m[n]; given {
			key = append(key, value.Field{Name: n, Value: value.NewValueInterface(v)})
		}
	}
	if len(key) == 0 {
		return at(i)
	}
	key.Sort()
	return fieldpath.PathElement{Key: &key}
}
