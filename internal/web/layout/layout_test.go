package layout

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the drawings in testdata")

// TestTree reads cases of the form
//
//	-- rules --    leaves=N branches=N aim=N most=N open=GROUP
//	-- nodes --    ID [<PARENT…] [!]    the kind is what is before the ID's first dash
//	-- drawing --  a line per row, a cell per column; then the lines from further parents
//
// and draws the nodes in reverse order, too.
func TestTree(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rules, nodes := readCase(t, ar)
			got := Tree("app", nodes, rules)
			checkSound(t, got, rules)
			slices.Reverse(nodes)
			if diff := cmp.Diff(got, Tree("app", nodes, rules)); diff != "" {
				t.Errorf("the order of the nodes matters:\n%s", diff)
			}
			text := sketch(got)
			last := &ar.Files[len(ar.Files)-1]
			if *update {
				last.Data = []byte(text)
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(last.Data), text); diff != "" {
				t.Errorf("drawing (-want +got):\n%s", diff)
			}
		})
	}
}

func standard() Rules { return Rules{Width: 200, Height: 40, GapX: 60, GapY: 14} }

func readCase(t *testing.T, ar *txtar.Archive) (Rules, []Node) {
	t.Helper()
	rules := standard()
	open := map[string]bool{}
	rules.Open = func(g string) bool { return open[g] }
	var nodes []Node
	for _, f := range ar.Files {
		for line := range strings.Lines(string(f.Data)) {
			fields := strings.Fields(line)
			if len(fields) == 0 {
				continue
			}
			switch f.Name {
			case "rules":
				readRules(t, &rules, open, fields)
			case "nodes":
				nodes = append(nodes, readNode(fields))
			}
		}
	}
	return rules, nodes
}

func readRules(t *testing.T, r *Rules, open map[string]bool, fields []string) {
	t.Helper()
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		if key == "open" {
			open[value] = true
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		switch key {
		case "leaves":
			r.Leaves = n
		case "branches":
			r.Branches = n
		case "aim":
			r.Aim = n
		case "most":
			r.Most = n
		default:
			t.Fatalf("unknown rule %q", f)
		}
	}
}

func readNode(fields []string) Node {
	kind, _, _ := strings.Cut(fields[0], "-")
	n := Node{ID: fields[0], Kind: kind, Rank: kind}
	for _, f := range fields[1:] {
		if parent, ok := strings.CutPrefix(f, "<"); ok {
			n.Parents = append(n.Parents, parent)
		}
		n.Loud = n.Loud || f == "!"
	}
	return n
}

// sketch draws with letters.
func sketch(d Drawing) string {
	cells := map[[2]int]string{}
	width, rows, columns := 0, 0, 0
	for _, b := range d.Boxes {
		text := b.ID
		if b.Group {
			text = fmt.Sprintf("[%s %d/%d]", b.ID, len(b.Members), b.Size)
		}
		cells[[2]int{b.Row, b.Column}] = text
		width = max(width, len(text)+2)
		rows, columns = max(rows, b.Row+1), max(columns, b.Column+1)
	}
	var s strings.Builder
	for row := range rows {
		var line strings.Builder
		for column := range columns {
			fmt.Fprintf(&line, "%-*s", width, cells[[2]int{row, column}])
		}
		s.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	for _, e := range d.Edges {
		if e.Extra {
			fmt.Fprintf(&s, "%s ~> %s: %s\n", e.From, e.To, e.Path)
		}
	}
	return s.String()
}

// checkSound fails if boxes overlap or leave the drawing, if a child does not stand
// right of its parent, or if an edge's end is no box.
func checkSound(t *testing.T, d Drawing, r Rules) {
	t.Helper()
	boxes := map[string]Box{}
	taken := map[[2]int]string{}
	for _, b := range d.Boxes {
		if _, twice := boxes[b.ID]; twice {
			t.Errorf("two boxes %q", b.ID)
		}
		boxes[b.ID] = b
		if other, ok := taken[[2]int{b.Row, b.Column}]; ok {
			t.Errorf("%q stands on %q", b.ID, other)
		}
		taken[[2]int{b.Row, b.Column}] = b.ID
		if want := [2]int{r.GapY + b.Column*(r.Width+r.GapX), r.GapY + b.Row*(r.Height+r.GapY)}; want != [2]int{b.X, b.Y} {
			t.Errorf("%q of row %d and column %d is at %d,%d", b.ID, b.Row, b.Column, b.X, b.Y)
		}
		if b.X < 0 || b.Y < 0 || b.X+r.Width > d.Width || b.Y+r.Height > d.Height {
			t.Errorf("%q is outside", b.ID)
		}
		if p, ok := boxes[b.Parent]; b.Parent != "" && (!ok || p.Column >= b.Column || p.Row > b.Row) {
			t.Errorf("%q (column %d, row %d) and its parent %q (%d, %d)", b.ID, b.Column, b.Row, b.Parent, p.Column, p.Row)
		}
	}
	reached := map[string]int{}
	for _, e := range d.Edges {
		if boxes[e.From].ID != e.From || boxes[e.To].ID != e.To || e.From == e.To || e.Path == "" {
			t.Errorf("edge %+v", e)
		}
		if !e.Extra {
			reached[e.To]++
		}
	}
	for id, b := range boxes {
		if want := min(1, len(b.Parent)); reached[id] != want {
			t.Errorf("%q has %d lines from its parent", id, reached[id])
		}
	}
}
