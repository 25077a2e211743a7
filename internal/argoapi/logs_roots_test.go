package argoapi

import (
	"fmt"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestSecurityForgedOwners: owners that are named in layers, each by all of the layer
// below, and in circles, cost one look at each.
func TestSecurityForgedOwners(t *testing.T) {
	const layers, width = 30, 12
	node := func(kind string, layer, i int) view.Node {
		name := fmt.Sprintf("%d-%d", layer, i)
		return view.Node{UID: name, Ref: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: kind, Namespace: "n", Name: name}}}
	}
	var tree view.Tree
	for layer := range layers {
		for i := range width {
			kind := "Thing"
			if layer == layers-1 {
				kind = "Pod"
			}
			n := node(kind, layer, i)
			for above := range width {
				n.Parents = append(n.Parents, fmt.Sprintf("%d-%d", (layer+layers-1)%layers, above))
			}
			tree.Nodes = append(tree.Nodes, n)
		}
	}
	if roots := rootsOf(tree, filter{kind: "Nothing"}); len(roots) != 0 {
		t.Errorf("found %v", roots)
	}
	if roots := rootsOf(tree, filter{kind: "Thing"}); len(roots) == 0 {
		t.Error("found nothing")
	}
}
