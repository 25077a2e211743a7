package compare

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// A place is where a value is within an object: field names, positions in lists,
// and for lists with keys or of a set, keys and values instead of positions.
type place = fieldpath.Path

func field(name string) fieldpath.PathElement { return fieldpath.FieldNameElement(name) }
func at(i int) fieldpath.PathElement          { return fieldpath.IndexElement(i) }

// with is p and one step more, in memory of its own.
func with(p place, step fieldpath.PathElement) place { return append(slices.Clone(p), step) }

// child is what a step leads to, and its position where it is in a list.
func child(v any, step fieldpath.PathElement) (any, int, bool) {
	switch v := v.(type) {
	case map[string]any:
		if step.FieldName == nil {
			return nil, -1, false
		}
		c, ok := v[*step.FieldName]
		return c, -1, ok
	case []any:
		i := position(v, step)
		if i < 0 {
			return nil, -1, false
		}
		return v[i], i, true
	}
	return nil, -1, false
}

// position is that of the element that a step leads to; -1 if there is none.
func position(list []any, step fieldpath.PathElement) int {
	switch {
	case step.Index != nil:
		if *step.Index < 0 || *step.Index >= len(list) {
			return -1
		}
		return *step.Index
	case step.Key != nil:
		return slices.IndexFunc(list, func(e any) bool { return hasKey(e, *step.Key) })
	case step.Value != nil:
		return slices.IndexFunc(list, func(e any) bool { return sameScalar(e, (*step.Value).Unstructured()) })
	}
	return -1
}

func hasKey(element any, key value.FieldList) bool {
	m, ok := element.(map[string]any)
	if !ok {
		return false
	}
	for _, f := range key {
		// A key that is not given has its default, which is not known here: it is
		// taken for any.
		if v, given := m[f.Name]; given && !sameScalar(v, f.Value.Unstructured()) {
			return false
		}
	}
	return true
}

// lookup is what is at a place.
func lookup(v any, p place) (any, bool) {
	for _, step := range p {
		var ok bool
		if v, _, ok = child(v, step); !ok {
			return nil, false
		}
	}
	return v, true
}

// positions is the place with positions instead of keys; false if there is nothing.
func positions(v any, p place) (place, bool) {
	out := make(place, 0, len(p))
	for _, step := range p {
		next, i, ok := child(v, step)
		if !ok {
			return nil, false
		}
		if i >= 0 {
			step = at(i)
		}
		out, v = append(out, step), next
	}
	return out, true
}

// ofPointer is the place that a JSON pointer (RFC 6901) leads to in v.
func ofPointer(v any, pointer string) (place, bool) {
	if !strings.HasPrefix(pointer, "/") {
		return nil, false
	}
	var out place
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		step := field(token)
		if _, isList := v.([]any); isList {
			i, err := strconv.Atoi(token)
			if err != nil || token != strconv.Itoa(i) {
				return nil, false
			}
			step = at(i)
		}
		next, _, ok := child(v, step)
		if !ok {
			return nil, false
		}
		out, v = append(out, step), next
	}
	return out, true
}

// ofSteps are the places that a path of jq leads to in v: one, or several where
// it has a slice.
func ofSteps(v any, steps []any) []place {
	if len(steps) == 0 {
		return nil
	}
	all := []place{nil}
	for _, s := range steps {
		var next []place
		for _, p := range all {
			here, _ := lookup(v, p)
			for _, step := range stepsOf(here, s) {
				if _, _, ok := child(here, step); ok {
					next = append(next, with(p, step))
				}
			}
		}
		all = next
	}
	return all
}

func stepsOf(v, step any) []fieldpath.PathElement {
	list, _ := v.([]any)
	switch s := step.(type) {
	case string:
		return []fieldpath.PathElement{field(s)}
	case map[string]any:
		start, end := bound(s["start"], 0, len(list)), bound(s["end"], len(list), len(list))
		var out []fieldpath.PathElement
		for i := start; i < end; i++ {
			out = append(out, at(i))
		}
		return out
	}
	if n, ok := number(step); ok {
		return []fieldpath.PathElement{at(fromEnd(int(n), len(list)))}
	}
	return nil
}

func bound(v any, preset, length int) int {
	n, ok := number(v)
	if !ok {
		return preset
	}
	return max(0, min(length, fromEnd(int(n), length)))
}

func fromEnd(i, length int) int {
	if i < 0 {
		return i + length
	}
	return i
}

// number reads what JSON and jq give as numbers.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case int32:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// sameScalar compares values of which numbers may have come as different types.
func sameScalar(a, b any) bool {
	x, isNumber := number(a)
	y, both := number(b)
	if isNumber && both {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

// pointerTo is a place of positions as a JSON pointer.
func pointerTo(p place) string {
	var b strings.Builder
	for _, step := range p {
		b.WriteByte('/')
		switch {
		case step.FieldName != nil:
			b.WriteString(strings.ReplaceAll(strings.ReplaceAll(*step.FieldName, "~", "~0"), "/", "~1"))
		case step.Index != nil:
			b.WriteString(strconv.Itoa(*step.Index))
		}
	}
	return b.String()
}

// text is a place as people write it, such as spec.containers[name=app].image.
func text(p place) string {
	var b strings.Builder
	for _, step := range p {
		switch {
		case step.FieldName != nil && strings.ContainsAny(*step.FieldName, "./[]"):
			fmt.Fprintf(&b, "[%s]", *step.FieldName)
		case step.FieldName != nil:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(*step.FieldName)
		case step.Index != nil:
			fmt.Fprintf(&b, "[%d]", *step.Index)
		case step.Value != nil:
			fmt.Fprintf(&b, "[=%v]", (*step.Value).Unstructured())
		case step.Key != nil:
			var parts []string
			for _, f := range *step.Key {
				parts = append(parts, fmt.Sprintf("%s=%v", f.Name, f.Value.Unstructured()))
			}
			fmt.Fprintf(&b, "[%s]", strings.Join(parts, ","))
		}
	}
	return b.String()
}
