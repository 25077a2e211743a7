package textdiff

import "strings"

// place goes through the lines of an object's YAML and knows what each of them is in.
type place struct {
	lines []string
	next  int
	above []level
}

// level is a key or an item of a list that lines can be in. Its depth is twice its
// column, and one more of an item: lists stand in the column of their key.
type level struct {
	depth int
	name  string // of an item "[name]", or "[]" if it has none
}

// longestPlace is how long the name of a place is: each hunk has one, and keys may be of
// any length.
const longestPlace = 300

// within names what line i is in, such as "spec.template.spec.containers[web]"; "" at
// the top. It is asked for growing numbers.
func (p *place) within(i int) string {
	for ; p.next < i; p.next++ {
		p.enter(p.next)
	}
	if i >= len(p.lines) {
		return ""
	}
	p.leave(levels(p.lines, i)[0].depth)
	from, length := len(p.above), 0
	for from > 0 && length+len(p.above[from-1].name) <= longestPlace {
		from--
		length += len(p.above[from].name) + 1
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
	}
	for _, l := range p.above[from:] {
		if b.Len() > 0 && !strings.HasPrefix(l.name, "[") {
			b.WriteByte('.')
		}
		b.WriteString(l.name)
	}
	return b.String()
}

func (p *place) enter(i int) {
	for _, l := range levels(p.lines, i) {
		p.leave(l.depth)
		p.above = append(p.above, l)
	}
}

func (p *place) leave(depth int) {
	for len(p.above) > 0 && p.above[len(p.above)-1].depth >= depth {
		p.above = p.above[:len(p.above)-1]
	}
}

// levels are those that line i opens: an item, and the key that stands in its line.
func levels(lines []string, i int) []level {
	text := strings.TrimLeft(lines[i], " ")
	column := len(lines[i]) - len(text)
	rest, isItem := strings.CutPrefix(text, "- ")
	if !isItem {
		return []level{{2 * column, keyOf(text)}}
	}
	return []level{{2*column + 1, "[" + nameOf(lines, i, column+2) + "]"}, {2 * (column + 2), keyOf(rest)}}
}

func keyOf(text string) string {
	key, _, _ := strings.Cut(text, ":")
	return key
}

// farthestName is how many lines of an item are looked at for its name.
const farthestName = 200

// nameOf is the value of the key "name" of the item that begins in line i and has its
// keys in a column.
func nameOf(lines []string, i, column int) string {
	for n, line := range lines[i:min(len(lines), i+farthestName)] {
		if len(line) <= column || n > 0 && strings.TrimLeft(line[:column], " ") != "" {
			return ""
		}
		if name, ok := strings.CutPrefix(line[column:], "name: "); ok {
			return strings.Trim(name, `"'`)
		}
	}
	return ""
}
