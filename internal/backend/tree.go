package backend

import (
	"context"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Tree are an app's objects and what descends from them.
func (b *Backend) Tree(ctx context.Context, key model.AppKey) (view.Tree, error) {
	if _, err := b.declared(ctx, key); err != nil {
		return view.Tree{}, err
	}
	app, ok := b.Engine.App(key)
	if !ok {
		return view.Tree{}, notFound(key)
	}
	report, _ := b.Engine.Report(key)
	cluster, err := b.Place(app.Target)
	if err != nil {
		return withoutCluster(report, err), nil
	}
	return b.tree(ctx, cluster, app, report.Resources)
}

// tree is that of an app's objects. Of those that are barred there is what the app's own
// report says, and nothing that descends from them.
func (b *Backend) tree(ctx context.Context, cluster *live.Cluster, app model.App, all []model.ResourceState) (view.Tree, error) {
	tree, err := b.Live.Tree(ctx, cluster, b.own(app, all))
	if err != nil {
		return tree, err
	}
	for _, s := range all {
		if why := b.barred(app, s); why != nil {
			tree.Nodes = slices.DeleteFunc(tree.Nodes, func(n view.Node) bool { return n.Ref.ObjectKey == s.Object.ObjectKey })
			tree.Nodes = append(tree.Nodes, bareNode(s, why.Error()))
		}
	}
	slices.SortStableFunc(tree.Nodes, func(a, b view.Node) int { return a.Ref.Compare(b.Ref.ObjectKey) })
	return tree, nil
}

// barred is why nothing of an object may be had by way of an app that declares it; nil
// if it may. To declare an object gives no rights to it.
func (b *Backend) barred(app model.App, s model.ResourceState) error {
	switch {
	case s.Foreign:
		return model.Others(s.Object.ObjectKey)
	case app.Key.Dialect == argo.Dialect:
		return b.Settings().Permit(app, []model.ObjectRef{s.Object})
	}
	return nil
}

// own are those objects that are not barred.
func (b *Backend) own(app model.App, all []model.ResourceState) []model.ResourceState {
	return slices.DeleteFunc(slices.Clone(all), func(s model.ResourceState) bool { return b.barred(app, s) != nil })
}

// place is the cluster that an app is applied to.
func (b *Backend) place(key model.AppKey) (*live.Cluster, error) {
	app, ok := b.Engine.App(key)
	if !ok {
		return nil, notFound(key)
	}
	return b.Place(app.Target)
}

// withoutCluster is what is known of a tree whose cluster can't be reached.
func withoutCluster(report model.Report, why error) view.Tree {
	tree := view.Tree{Incomplete: []string{why.Error()}}
	for _, s := range report.Resources {
		tree.Nodes = append(tree.Nodes, bareNode(s, s.Health.Message))
	}
	return tree
}

// bareNode is an object without anything that is read of it.
func bareNode(s model.ResourceState, message string) view.Node {
	return view.Node{
		Ref: s.Object, Managed: !s.Hook, Hook: s.Hook, Sync: s.Sync, Health: s.Health.Status, Message: message, Wave: s.Wave, Prune: s.Prune,
	}
}

// Watch returns a channel that gets a value after the topic has changed.
func (b *Backend) Watch(ctx context.Context, topic view.Topic) <-chan struct{} {
	name, isTree := strings.CutPrefix(string(topic), "tree:")
	parts := strings.Split(name, "/")
	if !isTree || len(parts) != 3 {
		news := b.board.Watch(ctx, topic)
		if topic == view.TopicClusters {
			b.roll.stir()
		}
		return news
	}
	out := make(chan struct{}, 1)
	go b.watchTree(ctx, model.AppKey{Dialect: parts[0], Namespace: parts[1], Name: parts[2]}, out)
	return out
}

// watchTree tells of changes of an app's objects and of what descends from them,
// which are watched as long as ctx lasts. It closes out.
func (b *Backend) watchTree(ctx context.Context, key model.AppKey, out chan<- struct{}) {
	defer close(out)
	own := b.board.Watch(ctx, view.TopicTree(key))
	for ctx.Err() == nil {
		roots := b.roots(key)
		inner, stop := context.WithCancel(ctx)
		b.forward(ctx, key, own, b.watchLive(inner, key, roots), roots, out)
		stop()
	}
}

func (b *Backend) roots(key model.AppKey) []model.ResourceState {
	report, _ := b.Engine.Report(key)
	app, _ := b.Engine.App(key)
	return b.own(app, report.Resources)
}

// watchLive watches what descends from the roots; nil where their cluster can't be
// reached.
func (b *Backend) watchLive(ctx context.Context, key model.AppKey, roots []model.ResourceState) <-chan struct{} {
	cluster, err := b.place(key)
	if err != nil {
		return nil
	}
	return b.Live.Watch(ctx, cluster, roots)
}

// forward passes signals on until the roots are others or ctx ends.
func (b *Backend) forward(ctx context.Context, key model.AppKey, own, below <-chan struct{}, roots []model.ResourceState, out chan<- struct{}) {
	for {
		again := false
		select {
		case <-ctx.Done():
			return
		case _, open := <-own:
			if !open {
				return
			}
			again = !slices.EqualFunc(roots, b.roots(key), func(a, b model.ResourceState) bool { return a.Object == b.Object })
		case _, open := <-below:
			if !open {
				below = nil
			}
		}
		select {
		case out <- struct{}{}:
		default:
		}
		if again {
			return
		}
	}
}
