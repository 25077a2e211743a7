package compare

import (
	"slices"
)

// cut is something to remove from an object.
type cut struct {
	// at has positions, no keys.
	at place
	// keys are set where an element of a list goes only if it has nothing else left.
	keys []string
}

// remove takes things out of v, which changes, and returns what is left. A map or
// list that has nothing left thereby goes as well: on the other side it may never
// have been there. Elements of lists stay, so that the list keeps its length.
func remove(v any, cuts []cut) any {
	// From the end, so that positions stay true, and what is inside before what
	// it is in.
	slices.SortFunc(cuts, func(a, b cut) int { return b.at.Compare(a.at) })
	for _, c := range cuts {
		v, _ = without(v, c)
	}
	return v
}

// without is v without one thing, and whether nothing is left of it.
func without(v any, c cut) (any, bool) {
	if len(c.at) == 0 {
		return v, c.keys == nil || bare(v, c.keys)
	}
	step, inner := c.at[0], cut{c.at[1:], c.keys}
	next, i, ok := child(v, step)
	if !ok {
		return v, false
	}
	left, gone := without(next, inner)
	switch v := v.(type) {
	case map[string]any:
		if gone {
			delete(v, *step.FieldName)
			return v, len(v) == 0
		}
		v[*step.FieldName] = left
	case []any:
		if gone && len(inner.at) == 0 {
			out := slices.Delete(slices.Clone(v), i, i+1)
			return out, len(out) == 0
		}
		v[i] = left
	}
	return v, false
}

// bare reports whether an element has nothing but its keys.
func bare(element any, keys []string) bool {
	m, ok := element.(map[string]any)
	if !ok {
		return false
	}
	for k := range m {
		if !slices.Contains(keys, k) {
			return false
		}
	}
	return true
}

// clone copies what JSON can hold.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}
