package view

import "slices"

// Below are the nodes of a tree that descend from those of the UIDs, without those
// themselves, each after one of its parents. Nodes that do not exist descend from none.
func Below(nodes []Node, uids ...string) []Node {
	inside := map[string]bool{}
	for _, uid := range uids {
		inside[uid] = uid != ""
	}
	var out []Node
	for grown := true; grown; {
		grown = false
		for i := range nodes {
			n := &nodes[i]
			if n.UID != "" && !inside[n.UID] && slices.ContainsFunc(n.Parents, func(uid string) bool { return inside[uid] }) {
				inside[n.UID], grown = true, true
				out = append(out, *n)
			}
		}
	}
	return out
}
