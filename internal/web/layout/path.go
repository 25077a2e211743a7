package layout

import (
	"strconv"
	"strings"
)

// corner is the radius of the corners of lines.
const corner = 8

type point struct{ x, y int }

// branch is the line from the box that i hangs on: out to the right, up or down the
// trunk that all children share, and along the child's row, where nothing else stands.
func (p *plan) branch(i int) Edge {
	b := p.boxes[i].Box
	up := p.boxes[p.boxes[i].up].Box
	trunk := up.X + p.rules.Width + p.rules.GapX/2
	from, to := p.exit(up), p.entry(b)
	return Edge{From: up.ID, To: b.ID, Path: path(from, point{trunk, from.y}, point{trunk, to.y}, to)}
}

// detour is the line from a further parent: it crosses columns in the gap above the
// child's row.
func (p *plan) detour(l link) Edge {
	a, b := p.boxes[l.from].Box, p.boxes[l.to].Box
	from, to := p.exit(a), p.entry(b)
	out, in := from.x+p.rules.GapX*3/4, to.x-p.rules.GapX/4
	gap := b.Y - p.rules.GapY/2
	return Edge{From: a.ID, To: b.ID, Extra: true, Path: path(from,
		point{out, from.y}, point{out, gap}, point{in, gap}, point{in, to.y}, to)}
}

func (p *plan) exit(b Box) point  { return point{b.X + p.rules.Width, b.Y + p.rules.Height/2} }
func (p *plan) entry(b Box) point { return point{b.X, b.Y + p.rules.Height/2} }

// path is a line of horizontal and vertical parts with round corners.
func path(points ...point) string {
	points = straighten(points)
	var b strings.Builder
	command(&b, 'M', points[0])
	for i := 1; i < len(points)-1; i++ {
		before, at, after := points[i-1], points[i], points[i+1]
		r := min(corner, distance(before, at)/2, distance(at, after)/2)
		command(&b, 'L', toward(at, before, r))
		command(&b, 'Q', at)
		b.WriteByte(' ')
		coordinates(&b, toward(at, after, r))
	}
	command(&b, 'L', points[len(points)-1])
	return b.String()
}

// straighten leaves out the points between which a line goes straight on.
func straighten(points []point) []point {
	out := points[:1:1]
	for i := 1; i < len(points); i++ {
		last := out[len(out)-1]
		if points[i] == last && i < len(points)-1 {
			continue
		}
		if n := len(out); n > 1 && aligned(out[n-2], last, points[i]) {
			out[n-1] = points[i]
			continue
		}
		out = append(out, points[i])
	}
	return out
}

func aligned(a, b, c point) bool {
	return a.x == b.x && b.x == c.x || a.y == b.y && b.y == c.y
}

// toward is the point at distance r from a on the way to b.
func toward(a, b point, r int) point {
	return point{a.x + r*sign(b.x-a.x), a.y + r*sign(b.y-a.y)}
}

func distance(a, b point) int { return max(a.x-b.x, b.x-a.x) + max(a.y-b.y, b.y-a.y) }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func command(b *strings.Builder, letter byte, p point) {
	b.WriteByte(letter)
	coordinates(b, p)
}

func coordinates(b *strings.Builder, p point) {
	b.WriteString(strconv.Itoa(p.x))
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(p.y))
}
