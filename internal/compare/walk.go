package compare

import (
	"cmp"
	"maps"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// found is a difference with its place.
type found struct {
	Difference
	place  place
	typing *typing
}

// walk collects differences.
type walk struct {
	shape shape
	found []found
}

// spot is where a walk is: by keys, and by positions for the pointer.
type spot struct{ keyed, placed place }

func (s spot) field(name string) spot {
	return spot{with(s.keyed, field(name)), with(s.placed, field(name))}
}

func (s spot) element(step fieldpath.PathElement, i int) spot {
	return spot{with(s.keyed, step), with(s.placed, at(i))}
}

// differences lists all differences between the sides, by place.
func (s *sides) differences() []found {
	w := walk{shape: s.shape}
	if s.live == nil || s.after == nil {
		if s.live != nil || s.after != nil {
			w.note(spot{}, orNil(s.live), orNil(s.after), s.typing)
		}
		return w.found
	}
	w.maps(spot{}, s.live, s.after, s.typing)
	slices.SortStableFunc(w.found, func(a, b found) int { return cmp.Compare(a.Field, b.Field) })
	return w.found
}

func orNil(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

func (w *walk) note(at spot, live, after any, t *typing) {
	w.found = append(w.found, found{
		Difference: Difference{Path: pointerTo(at.placed), Field: text(at.keyed), Live: live, After: after},
		place:      at.keyed, typing: t,
	})
}

// values compares what is at a spot. What is not there is nil.
func (w *walk) values(at spot, live, after any, t *typing) {
	if equal(live, after, t) {
		return
	}
	before := len(w.found)
	x, y := asMap(live), asMap(after)
	a, isList := live.([]any)
	b, both := after.([]any)
	switch {
	case x != nil && y != nil && len(x)+len(y) > 0:
		w.maps(at, x, y, t)
	case isList && both:
		w.lists(at, a, b, t)
	}
	if len(w.found) == before {
		w.note(at, live, after, t)
	}
}

// asMap takes nothing for an empty map; nil for what is neither.
func asMap(v any) map[string]any {
	if v == nil {
		return map[string]any{}
	}
	m, _ := v.(map[string]any)
	return m
}

func (w *walk) maps(at spot, live, after map[string]any, t *typing) {
	names := slices.Collect(maps.Keys(live))
	for k := range after {
		if _, both := live[k]; !both {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		if !equalField(k, live, after, t) {
			w.values(at.field(k), live[k], after[k], t.field(k))
		}
	}
}

// lists compares element by element where they have keys or are a set, else as a
// whole.
func (w *walk) lists(at spot, live, after []any, t *typing) {
	liveSteps, ok := w.steps(at.keyed, live)
	afterSteps, both := w.steps(at.keyed, after)
	if !ok || !both {
		return
	}
	for i, step := range liveSteps {
		j := indexOf(afterSteps, step)
		if j < 0 {
			w.note(at.element(step, i), live[i], nil, t.element())
			continue
		}
		w.values(at.element(step, j), live[i], after[j], t.element())
	}
	for j, step := range afterSteps {
		if indexOf(liveSteps, step) < 0 {
			w.note(at.element(step, j), nil, after[j], t.element())
		}
	}
	isSet := len(liveSteps) > 0 && liveSteps[0].Value != nil
	if !isSet && !sameOrder(liveSteps, afterSteps) {
		w.note(at, live, after, t)
	}
}

// steps are those to the elements of a list; false if they can't be told apart.
func (w *walk) steps(p place, list []any) ([]fieldpath.PathElement, bool) {
	out := make([]fieldpath.PathElement, 0, len(list))
	for i, e := range list {
		step := w.shape.step(p, i, e)
		if step.Index != nil {
			step = keyStep(e, []string{"name"}, i)
		}
		if step.Index != nil || indexOf(out, step) >= 0 {
			return nil, false
		}
		out = append(out, step)
	}
	return out, true
}

func indexOf(steps []fieldpath.PathElement, step fieldpath.PathElement) int {
	return slices.IndexFunc(steps, step.Equals)
}

// sameOrder reports whether what both have is in the same order.
func sameOrder(a, b []fieldpath.PathElement) bool {
	last := -1
	for _, step := range a {
		if j := indexOf(b, step); j >= 0 {
			if j < last {
				return false
			}
			last = j
		}
	}
	return true
}
