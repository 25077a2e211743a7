package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func (s server) tree(ctx context.Context, cmd *cobra.Command, sel selector, name string) (*node, error) {
	found, err := s.find(ctx, sel, name, sel.kinds()...)
	if err != nil {
		return nil, err
	}
	var app client.AppDetail
	if err := s.Get(ctx, nameOf(found), &app); err != nil {
		return nil, err
	}
	tree, err := s.Tree(ctx, app.AppName)
	if err != nil {
		return nil, err
	}
	for _, text := range tree.Incomplete {
		printf(cmd.ErrOrStderr(), "warning: %s\n", text)
	}
	r := rowOfApp(app.App)
	root := &node{
		Kind: r.kind, Group: found.kind.resource.Group, Namespace: r.namespace, Name: r.name,
		Sync: r.sync, Health: model.HealthStatus(r.health), Message: r.message, Created: r.created,
	}
	hang(root, tree.Nodes)
	return root, nil
}

// hang puts the objects of a tree below its root: those that have no owner in it first,
// declared ones before hooks, and below each what it owns.
func hang(root *node, all []client.Node) {
	nodes, byUID := make([]*node, len(all)), map[string]*node{}
	for i, n := range all {
		nodes[i] = &node{
			Kind: n.Object.Kind, Group: n.Object.Group, Namespace: n.Object.Namespace, Name: n.Object.Name, Hook: n.Hook,
			Sync: n.Sync, Health: model.HealthStatus(n.Health), Message: n.Message, Created: n.Created, uid: n.UID,
		}
		if n.UID != "" {
			byUID[n.UID] = nodes[i]
		}
	}
	for i, n := range all {
		owner := root
		for _, uid := range n.Parents {
			if found := byUID[uid]; found != nil && found != nodes[i] {
				owner = found
				break
			}
		}
		owner.Children = append(owner.Children, nodes[i])
	}
	for _, n := range slices.Concat(nodes, []*node{root}) {
		slices.SortStableFunc(n.Children, func(a, b *node) int {
			return cmp.Or(compareBool(a.Hook, b.Hook), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
