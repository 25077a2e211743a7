package layout

import "slices"

// plan is a drawing under construction.
type plan struct {
	rules Rules
	boxes []box
	extra []link
	// reading are the boxes in the order of reading.
	reading []int
}

// columns puts each box to the right of all its parents. Where further parents go
// round in a circle, only those count that have their column already.
func (p *plan) columns() {
	waits := make([]int, len(p.boxes))
	after := make([][]int, len(p.boxes))
	for i := 1; i < len(p.boxes); i++ {
		waits[i] = 1
	}
	for _, l := range p.extra {
		waits[l.to]++
		after[l.from] = append(after[l.from], l.to)
	}
	placed := make([]bool, len(p.boxes))
	for first := range p.boxes { // a parent comes before its children
		for queue := []int{first}; len(queue) > 0; queue = queue[1:] {
			i := queue[0]
			if placed[i] {
				continue
			}
			placed[i] = true
			for _, to := range slices.Concat(p.boxes[i].down, after[i]) {
				if placed[to] {
					continue
				}
				p.boxes[to].Column = max(p.boxes[to].Column, p.boxes[i].Column+1)
				if waits[to]--; waits[to] == 0 {
					queue = append(queue, to)
				}
			}
		}
	}
}

// rows gives each leaf a row of its own and each parent that of its first child.
func (p *plan) rows() {
	next := 0
	var walk func(i int)
	walk = func(i int) {
		p.reading = append(p.reading, i)
		p.boxes[i].Row = next
		for n, d := range p.boxes[i].down {
			if n > 0 {
				next++
			}
			walk(d)
		}
	}
	walk(0)
}

func (p *plan) draw() Drawing {
	var d Drawing
	r := p.rules
	for _, i := range p.reading {
		b := &p.boxes[i]
		b.X = r.GapY + b.Column*(r.Width+r.GapX)
		b.Y = r.GapY + b.Row*(r.Height+r.GapY)
		d.Width = max(d.Width, b.X+r.Width+r.GapY)
		d.Height = max(d.Height, b.Y+r.Height+r.GapY)
		d.Boxes = append(d.Boxes, b.Box)
	}
	from := map[int][]link{}
	for _, l := range p.extra {
		from[l.to] = append(from[l.to], l)
	}
	for _, i := range p.reading {
		if i != 0 {
			d.Edges = append(d.Edges, p.branch(i))
		}
		for _, l := range from[i] {
			d.Edges = append(d.Edges, p.detour(l))
		}
	}
	return d
}
