package layout

import (
	"cmp"
	"slices"
)

// forest are the nodes as a tree, with the root at index 0.
type forest struct {
	items []item
	// order are the indices of all items but the root, by rank.
	order []int
}

type item struct {
	Node
	// up is the item that it hangs on, also its other parents.
	up   int
	also []int
	// down are the items that hang on it, by rank.
	down []int
}

// grow makes a tree of the nodes, whatever their parents say.
func grow(root string, nodes []Node) *forest {
	f := &forest{items: []item{{Node: Node{ID: root}}}}
	index := map[string]int{root: 0}
	for _, n := range sorted(nodes) {
		if _, twice := index[n.ID]; twice {
			continue
		}
		index[n.ID] = len(f.items)
		f.order = append(f.order, len(f.items))
		f.items = append(f.items, item{Node: n})
	}
	for _, i := range f.order {
		f.items[i].adopt(i, index)
	}
	f.cutCycles()
	for _, i := range f.order {
		up := &f.items[f.items[i].up]
		up.down = append(up.down, i)
	}
	return f
}

// sorted are the nodes by rank and ID; of those with one ID it does not matter which
// comes first only if they are equal, so their other fields decide.
func sorted(nodes []Node) []Node {
	return slices.SortedStableFunc(slices.Values(nodes), func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Kind, b.Kind), slices.Compare(a.Parents, b.Parents))
	})
}

// adopt finds the item's parents: the first is up, the others are also.
func (it *item) adopt(self int, index map[string]int) {
	seen := map[int]bool{self: true}
	found := false
	for _, id := range it.Parents {
		p, ok := index[id]
		if !ok || seen[p] {
			continue
		}
		seen[p] = true
		if found {
			it.also = append(it.also, p)
		} else {
			it.up, found = p, true
		}
	}
}

// cutCycles hangs on the root what would hang on itself.
func (f *forest) cutCycles() {
	const fresh, walking, rooted = 0, 1, 2
	state := make([]int, len(f.items))
	state[0] = rooted
	for _, start := range f.order {
		var way []int
		i := start
		for state[i] == fresh {
			state[i] = walking
			way = append(way, i)
			i = f.items[i].up
		}
		if state[i] == walking {
			f.items[i].also = append(f.items[i].also, f.items[i].up)
			f.items[i].up = 0
		}
		for _, w := range way {
			state[w] = rooted
		}
	}
}
