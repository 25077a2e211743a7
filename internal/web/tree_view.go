package web

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/web/layout"
)

// treeView is an app's objects as a tree or a list.
type treeView struct {
	appHead
	Query treeQuery
	// Err says why there is no tree but only what the app declares; Incomplete what
	// could not be read.
	Err        string
	Incomplete []string
	// Total counts the nodes, Matched those that are wanted.
	Total, Matched       int
	Kinds, Healths, Sync []treeFacet
	// The tree.
	Width, Height int
	Nodes         []treeNode
	Edges         []treeEdge
	// The list: More is how many rows it goes on.
	Rows []treeRow
	More int
}

// treeFacet is a value to choose by, with how many nodes have it.
type treeFacet struct {
	Value string
	Count int
	On    bool
	Href  string
}

// rootID is that of the app in its tree. No UID has a slash.
const rootID = "/"

// newTreeView shows the tree, or where it could not be read what the app declares.
func newTreeView(head appHead, tree view.Tree, err error, q treeQuery) treeView {
	t := treeView{appHead: head, Query: q, Incomplete: tree.Incomplete}
	if err != nil {
		t.Err, _ = explained(err)
		tree.Nodes = declared(head.App.Resources)
	}
	nodes := map[string]*view.Node{}
	for i := range tree.Nodes {
		nodes[nodeID(&tree.Nodes[i])] = &tree.Nodes[i]
	}
	t.Total = len(nodes)
	t.facets(nodes)
	if q.View == "list" {
		t.list(nodes)
	} else {
		t.draw(nodes)
	}
	return t
}

// declared are the objects of an app as nodes.
func declared(resources []view.Resource) []view.Node {
	nodes := make([]view.Node, len(resources))
	for i, r := range resources {
		nodes[i] = view.Node{
			Ref: r.Ref, Managed: true, Hook: r.Hook, Sync: r.Sync, Health: r.Health,
			Message: r.Message, Wave: r.Wave, Prune: r.Prune,
		}
	}
	return nodes
}

// facets counts what can be chosen.
func (t *treeView) facets(nodes map[string]*view.Node) {
	kinds, healths, syncs := map[string]int{}, map[string]int{}, map[string]int{}
	for _, n := range nodes {
		kinds[n.Ref.Kind]++
		healths[healthWord(n)]++
		if n.Sync != "" {
			syncs[string(n.Sync)]++
		}
		if t.Query.wants(n) {
			t.Matched++
		}
	}
	t.Kinds = t.facet("kind", kinds, t.Query.Kinds)
	t.Healths = t.facet("health", healths, t.Query.Health)
	t.Sync = t.facet("sync", syncs, t.Query.Sync)
}

func (t *treeView) facet(name string, counts map[string]int, on []string) []treeFacet {
	for _, v := range on {
		counts[v] += 0 // what was chosen stays to be seen
	}
	var out []treeFacet
	for v, n := range counts {
		out = append(out, treeFacet{Value: v, Count: n, On: slices.Contains(on, v), Href: t.Query.toggled(name, on, v)})
	}
	slices.SortFunc(out, func(a, b treeFacet) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return out
}

// Filtered reports whether something is left out.
func (t treeView) Filtered() bool { return t.Query.filtering() }

// AsTree, AsList and Everything are the addresses of the other views.
func (t treeView) AsTree() string { return t.Query.with("view", "tree") }

// AsList is the address of the list.
func (t treeView) AsList() string { return t.Query.with("view", "list") }

// Everything is the address without filters.
func (t treeView) Everything() string {
	if v := t.Query.values.Get("view"); v != "" {
		return "?view=" + v
	}
	return "?"
}

// KeepOpen are the parameters that the form for filtering passes on.
func (t treeView) KeepOpen() []string { return t.Query.Open }

// layoutNodes are the nodes for the layout; keep chooses.
func layoutNodes(nodes map[string]*view.Node, keep func(id string) bool) []layout.Node {
	var out []layout.Node
	for id, n := range nodes {
		if keep(id) {
			out = append(out, layout.Node{ID: id, Parents: n.Parents, Kind: n.Ref.Kind, Rank: rank(n), Loud: loud(n)})
		}
	}
	return out
}

// kept are the wanted nodes with all their ancestors.
func (t *treeView) kept(nodes map[string]*view.Node) map[string]bool {
	keep := map[string]bool{}
	var walk func(id string)
	walk = func(id string) {
		n := nodes[id]
		if n == nil || keep[id] {
			return
		}
		keep[id] = true
		for _, p := range n.Parents {
			walk(p)
		}
	}
	for id, n := range nodes {
		if t.Query.wants(n) {
			walk(id)
		}
	}
	return keep
}

func (t *treeView) draw(nodes map[string]*view.Node) {
	keep := t.kept(nodes)
	d := layout.Tree(rootID, layoutNodes(nodes, func(id string) bool { return keep[id] }), treeRules(t.Query))
	t.Width, t.Height = d.Width, d.Height
	for _, b := range d.Boxes {
		n := treeNode{X: b.X, Y: b.Y, ID: "n" + mark(b.ID)}
		if b.Parent != "" {
			n.Parent = "n" + mark(b.Parent)
		}
		switch {
		case b.ID == rootID:
			n.root(t)
		case b.Group:
			n.group(t, b, nodes)
		default:
			n.object(t, nodes[b.ID])
		}
		t.Nodes = append(t.Nodes, n)
	}
	for _, e := range d.Edges {
		t.Edges = append(t.Edges, treeEdge{Path: e.Path, Extra: e.Extra})
	}
}

// treeRow is a line of the list.
type treeRow struct {
	view.Node
	// Depth is how many owners it has, as far as they are rows.
	Depth int
	Href  string
	Name  string
}

// list makes the rows, in the order of the tree. A filter leaves the owners out.
func (t *treeView) list(nodes map[string]*view.Node) {
	d := layout.Tree(rootID, layoutNodes(nodes, func(string) bool { return true }), layout.Rules{Width: 1, Height: 1, GapX: 1, GapY: 1})
	depth := map[string]int{rootID: -1}
	for _, b := range d.Boxes[1:] {
		depth[b.ID] = depth[b.Parent] + 1
		n := nodes[b.ID]
		if !t.Query.wants(n) {
			continue
		}
		if len(t.Rows) == t.Query.Rows {
			t.More++
			continue
		}
		row := treeRow{Node: *n, Depth: min(depth[b.ID], 6), Href: t.ObjectPath(n.Ref), Name: n.Ref.Name}
		if t.Filtered() {
			row.Depth = 0
		}
		if n.Ref.Namespace != "" && n.Ref.Namespace != t.App.Namespace {
			row.Name = n.Ref.Namespace + "/" + n.Ref.Name
		}
		t.Rows = append(t.Rows, row)
	}
}

// MoreRows is the address of a longer list.
func (t treeView) MoreRows() string {
	return t.Query.with("rows", strconv.Itoa(t.Query.Rows+5*firstRows))
}

// Healthless reports whether the node's kind has no rule of health.
func (r treeRow) Healthless() bool { return r.Health == "" }
