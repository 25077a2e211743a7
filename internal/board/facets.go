package board

import (
	"cmp"
	"slices"
	"unique"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// most is how many values a facet has at most.
const most = 200

// facets are the names of the filters that are counted, in the order of their bits.
var facets = [...]string{"sync", "health", "kind", "project", "cluster", "namespace", "label"}

// counts says how often each value of a facet occurs.
type counts [len(facets)]map[unique.Handle[string]]int

func newCounts() counts {
	var c counts
	for i := range c {
		c[i] = map[unique.Handle[string]]int{}
	}
	return c
}

func (c *counts) clear() {
	for i := range c {
		// A map keeps its room when it is cleared: one that was large is let go.
		if len(c[i]) > 8*most {
			c[i] = map[unique.Handle[string]]int{}
		}
		clear(c[i])
	}
}

// add counts r in each facet whose own filter is the only one that it misses, if any.
func (c *counts) add(r *row, missed int) {
	if missed&(missed-1) != 0 || missed >= 1<<len(facets) {
		return
	}
	for i, v := range r.values {
		if missed&^(1<<i) == 0 {
			c[i][v]++
		}
	}
	if missed&^filterLabel == 0 {
		for _, t := range r.tags {
			c[len(r.values)][t]++
		}
	}
}

func (c *counts) page() map[string][]view.Count {
	out := make(map[string][]view.Count, len(facets))
	for i, name := range facets {
		out[name] = top(c[i])
	}
	return out
}

// top are the most frequent values, the first by name of those that are equally so.
// Having none is no value.
func top(of map[unique.Handle[string]]int) []view.Count {
	out := make([]view.Count, 0, len(of))
	for v, n := range of {
		if v.Value() != "" {
			out = append(out, view.Count{Value: v.Value(), Count: n})
		}
	}
	slices.SortFunc(out, func(a, b view.Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return slices.Clip(out[:min(len(out), most)])
}
