package layout

import "slices"

// box is a Box under construction.
type box struct {
	Box
	// item is the node's index, -1 of a group.
	item int
	up   int // index of the box that it hangs on
	down []int
	// hidden are the items that a group stands for.
	hidden []int
}

// reduction makes boxes of a forest.
type reduction struct {
	*forest
	rules Rules
	boxes []box
}

// reduce gives each node, or each group of them, a box; a parent's comes before those
// of its children.
func (f *forest) reduce(rules Rules) []box {
	r := reduction{forest: f, rules: rules}
	r.add(box{Box: Box{ID: f.items[0].ID}})
	for next := 0; next < len(r.boxes); { // it grows meanwhile
		if !r.boxes[next].Group {
			r.expand(next)
		}
		next++
	}
	return r.boxes
}

func (r *reduction) add(b box) {
	n := len(r.boxes)
	r.boxes = append(r.boxes, b)
	if n > 0 {
		up := &r.boxes[b.up]
		up.down = append(up.down, n)
	}
}

// family are siblings that may become a group.
type family struct {
	kind string
	leaf bool
}

// expand adds the boxes of a box's children.
func (r *reduction) expand(at int) {
	down := r.items[r.boxes[at].item].down
	families := map[family][]int{}
	for _, i := range down {
		k := r.family(i)
		families[k] = append(families[k], i)
	}
	for _, i := range down {
		k := r.family(i)
		members, left := families[k]
		switch limit := r.limit(k); {
		case !left: // its group stands already
		case limit == 0 || len(members) <= limit:
			r.addNode(at, i)
		default:
			r.addGroup(at, k, members, limit)
			delete(families, k)
		}
	}
}

func (r *reduction) family(i int) family {
	return family{r.items[i].Kind, len(r.items[i].down) == 0}
}

func (r *reduction) limit(k family) int {
	if k.leaf {
		return r.rules.Leaves
	}
	return r.rules.Branches
}

func (r *reduction) addNode(at, i int) {
	r.add(box{Box: Box{ID: r.items[i].ID, Parent: r.boxes[at].ID}, item: i, up: at})
}

// addGroup adds a group of more members than limit, after those of them that stand by
// themselves: all if it is open, otherwise the loud ones, if they are few.
func (r *reduction) addGroup(at int, k family, members []int, limit int) {
	sign := "+"
	if k.leaf {
		sign = ""
	}
	g := box{Box: Box{
		ID: r.boxes[at].ID + "/" + k.kind + sign, Parent: r.boxes[at].ID,
		Group: true, Size: len(members),
	}, item: -1, up: at}
	g.Open = r.rules.Open != nil && r.rules.Open(g.ID)
	alone, rest := r.split(members, limit, g.Open)
	for _, i := range alone {
		r.addNode(at, i)
	}
	g.hidden = rest
	for _, i := range rest {
		g.Members = append(g.Members, r.items[i].ID)
	}
	r.add(g)
}

// split says which members of a group stand by themselves.
func (r *reduction) split(members []int, limit int, open bool) (alone, rest []int) {
	if open {
		n := len(members)
		if r.rules.Most > 0 {
			n = min(n, r.rules.Most)
		}
		return members[:n], members[n:]
	}
	for _, i := range members {
		if r.items[i].Loud {
			alone = append(alone, i)
		} else {
			rest = append(rest, i)
		}
	}
	if len(alone) > limit || len(rest) < 2 {
		return nil, members
	}
	return alone, rest
}

// link is a line from one box to another.
type link struct{ from, to int }

// crossLinks are the lines from further parents, each once, in the order of the
// children.
func (f *forest) crossLinks(boxes []box) []link {
	at := f.stand(boxes)
	seen := map[link]bool{}
	var links []link
	for _, i := range f.order {
		for _, p := range f.items[i].also {
			l := link{at[p], at[i]}
			if l.from == l.to || boxes[l.to].up == l.from || seen[l] {
				continue
			}
			seen[l] = true
			links = append(links, l)
		}
	}
	slices.SortStableFunc(links, func(a, b link) int { return a.to - b.to })
	return links
}

// stand says which box each item is shown by: its own, or the group that it or an
// ancestor of it is in.
func (f *forest) stand(boxes []box) []int {
	at := make([]int, len(f.items))
	var walk func(i, in int)
	walk = func(i, in int) {
		at[i] = in
		for _, d := range f.items[i].down {
			walk(d, in)
		}
	}
	for n, b := range boxes {
		if b.item >= 0 {
			at[b.item] = n
		}
		for _, i := range b.hidden {
			walk(i, n)
		}
	}
	return at
}
