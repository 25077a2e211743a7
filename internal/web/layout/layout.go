// Package layout places the nodes of a tree on a plane: from left to right, a column
// per generation, a row per leaf. It knows numbers and names only; what a node looks
// like is the page's business.
//
// A parent stands in the row of its first child. So a new node moves what is below it
// one row down and nothing else, and the root is always in the corner at the top left.
// Lines from a parent to its children cross nothing; a node's further parents are
// reached by lines in the gaps between boxes.
package layout

// Node is something to be placed.
type Node struct {
	// ID is unique; a second node of an ID is left out.
	ID string
	// Parents are IDs. The node hangs on the first that exists, the others get lines
	// of their own; without any it hangs on the root.
	Parents []string
	// Kind is what siblings have to share to become a group.
	Kind string
	// Rank orders siblings, as a text; equal ones are ordered by ID.
	Rank string
	// Loud: it stays by itself where its siblings become a group, unless too many are.
	Loud bool
}

// Rules say how nodes become boxes and where these stand. All sizes are in one unit;
// Width, Height and the gaps have to be positive.
type Rules struct {
	// Leaves is how many siblings of a kind without children may stand by themselves:
	// more are a group. Branches is the same for those with children. 0 is any number.
	Leaves, Branches int
	// Aim is how many boxes there should be at most: where there are more, Branches is
	// lowered as far as it helps. 0 is any number.
	Aim int
	// Open reports whether the members of a group are shown; nil is none.
	Open func(group string) bool
	// Most is how many members of an open group are shown; 0 is all.
	Most int
	// Width and Height are those of a box, GapX and GapY what is between them.
	Width, Height, GapX, GapY int
}

// Drawing is what is where.
type Drawing struct {
	Width, Height int
	// Boxes are in the order of reading: a parent before its children, these from the
	// top down. The first is the root.
	Boxes []Box
	// Edges are from parents to children, in the order of the latter.
	Edges []Edge
}

// Box is a node, or a group of them, in its place.
type Box struct {
	// ID is the node's, or a name of the group that stays the same while its parent is
	// there: "parent/kind" and a sign for whether its members have children.
	ID string
	// Parent is the ID of the box that it hangs on; "" of the root.
	Parent string
	// Members are the IDs of the nodes that the group stands for, in their order; nil
	// if it is a node. Those of an open group are the ones that are not shown.
	Members []string
	// Group: it is a group. Open: its members are boxes of their own.
	Group, Open bool
	// Size is how many members a group has, shown or not.
	Size int
	// Column and Row count from 0; X and Y are the corner at the top left.
	Column, Row, X, Y int
}

// Edge is a line between boxes.
type Edge struct {
	From, To string
	// Path is the data of an SVG path.
	Path string
	// Extra: From is not the box that To hangs on.
	Extra bool
}

// Tree places root and the nodes that hang on it. Nodes that are their own ancestors
// are cut from them. The same nodes in another order make the same drawing.
func Tree(root string, nodes []Node, rules Rules) Drawing {
	f := grow(root, nodes)
	boxes := f.reduce(rules)
	for rules.Aim > 0 && len(boxes) > rules.Aim && (rules.Branches == 0 || rules.Branches > 1) {
		rules.Branches = max(1, min(rules.Branches, rules.Aim)/3)
		boxes = f.reduce(rules)
	}
	p := plan{rules: rules, boxes: boxes, extra: f.crossLinks(boxes)}
	p.columns()
	p.rows()
	return p.draw()
}
