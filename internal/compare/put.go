package compare

import (
	"slices"
)

// replace puts a value in the place, by positions, of one that is there.
func replace(v any, p place, to any) {
	for i, step := range p {
		last := i == len(p)-1
		switch c := v.(type) {
		case map[string]any:
			if last {
				c[*step.FieldName] = to
			}
		case []any:
			if last {
				c[*step.Index] = to
			}
		}
		v, _, _ = child(v, step)
	}
}

// insert puts a value where nothing is yet. Maps and lists on the way are made;
// an element is not: without it, what is in it is not wanted either.
func insert(obj map[string]any, p place, value any) {
	if len(p) == 0 || p[0].FieldName == nil {
		return
	}
	name := *p[0].FieldName
	if len(p) == 1 {
		obj[name] = value
		return
	}
	if p[1].FieldName == nil {
		list, _ := obj[name].([]any)
		obj[name] = insertElement(list, p[1:], value)
		return
	}
	inner, ok := obj[name].(map[string]any)
	if !ok {
		if obj[name] != nil {
			return
		}
		inner = map[string]any{}
		obj[name] = inner
	}
	insert(inner, p[1:], value)
}

func insertElement(list []any, p place, value any) any {
	i := position(list, p[0])
	switch {
	case len(p) == 1 && i < 0:
		return append(list, value)
	case len(p) > 1 && i >= 0:
		if element, ok := list[i].(map[string]any); ok {
			insert(element, p[1:], value)
		}
	}
	if list == nil {
		return []any{}
	}
	return list
}

// add puts a value in at a place of positions: into a list that is there at that
// position or at the end, into a map that is there by its name.
func add(obj map[string]any, p place, value any) {
	outer, last := p[:len(p)-1], p[len(p)-1]
	holder, ok := lookup(obj, outer)
	if !ok {
		return
	}
	switch h := holder.(type) {
	case map[string]any:
		if last.FieldName != nil {
			h[*last.FieldName] = value
		}
	case []any:
		if last.Index != nil {
			replace(obj, outer, slices.Insert(slices.Clone(h), min(*last.Index, len(h)), value))
		}
	}
}
