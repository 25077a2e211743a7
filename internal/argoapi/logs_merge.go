package argoapi

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// maxRoots is of how many objects logs are read at a time.
const maxRoots = 10

// logRoots are the objects that the parameters name, as far as pods descend from them:
// none of them descends from another. A reader without the right learns that here.
func (c *call) logRoots(app view.App) ([]model.ObjectKey, error) {
	if !c.desk.May(view.VerbLogs, app) {
		// The desk refuses it, and notes that.
		return nil, c.desk.Logs(c.r.Context(), app.Key, view.LogQuery{Object: podKey(c.query.Get("namespace"), "any")}, func(view.LogLine) error { return nil })
	}
	t, err := c.desk.Tree(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	f := c.filter()
	f.name = c.query.Get("resourceName")
	if pod := c.podName(); pod != "" {
		f.group, f.kind, f.name = "", "Pod", pod
	}
	roots := rootsOf(t, f)
	if len(roots) > maxRoots {
		return nil, invalid("max pods to view logs are reached. Please provide more granular query: the parameters kind, resourceName or podName")
	}
	return roots, nil
}

func podKey(namespace, name string) model.ObjectKey {
	return model.ObjectKey{Kind: "Pod", Namespace: namespace, Name: name}
}

// rootsOf are the topmost nodes that a filter finds and that pods descend from.
func rootsOf(t view.Tree, f filter) []model.ObjectKey {
	c := climber{filter: f, nodes: map[string]view.Node{}, known: map[string]top{}}
	for _, n := range t.Nodes {
		c.nodes[n.UID] = n
	}
	var out []model.ObjectKey
	seen := map[model.ObjectKey]bool{}
	for _, n := range t.Nodes {
		if n.Ref.Kind != "Pod" || n.Ref.Group != "" || n.UID == "" {
			continue
		}
		if root := c.topmost(n); root.found && !seen[root.key] {
			seen[root.key] = true
			out = append(out, root.key)
		}
	}
	return out
}

// climber goes from nodes up to their owners, through each node once.
type climber struct {
	filter filter
	nodes  map[string]view.Node
	known  map[string]top // by UID
}

// top is the highest ancestor of a node that the filter finds.
type top struct {
	key   model.ObjectKey
	found bool
}

// topmost is the highest ancestor of a node that the filter finds, or itself. Who owns
// itself has no ancestor.
func (c climber) topmost(n view.Node) top {
	if t, done := c.known[n.UID]; done {
		return t
	}
	t := top{n.Ref.ObjectKey, c.filter.matches(n.Ref.ObjectKey)}
	c.known[n.UID] = t
	for _, uid := range n.Parents {
		parent, ok := c.nodes[uid]
		if !ok || uid == "" {
			continue
		}
		if above := c.topmost(parent); above.found {
			t = above
			break
		}
	}
	c.known[n.UID] = t
	return t
}

// readLogs reads the logs of several objects at once. Those that are not followed come in
// the order of their times.
func (c *call) readLogs(key model.AppKey, q logRequest, roots []model.ObjectKey, emit func(view.LogLine) error) error {
	wanted := func(l view.LogLine) error {
		if !q.wants(l) {
			return nil
		}
		return emit(l)
	}
	if len(roots) == 1 {
		q.Object = roots[0]
		return c.desk.Logs(c.r.Context(), key, q.LogQuery, wanted)
	}
	ctx, cancel := context.WithCancel(c.r.Context())
	defer cancel()
	readers, ctx := errgroup.WithContext(ctx)
	lines := make([]chan view.LogLine, len(roots))
	for i, root := range roots {
		one := q.LogQuery
		one.Object = root
		lines[i] = make(chan view.LogLine)
		readers.Go(func() error {
			defer close(lines[i])
			return c.desk.Logs(ctx, key, one, func(l view.LogLine) error { return pass(ctx, lines[i], l) })
		})
	}
	merge := inOrder
	if q.Follow {
		merge = asTheyCome
	}
	err := merge(ctx, lines, wanted)
	cancel()
	if failed := readers.Wait(); err == nil || errors.Is(err, context.Canceled) {
		err = failed
	}
	return err
}

func pass(ctx context.Context, to chan<- view.LogLine, l view.LogLine) error {
	select {
	case to <- l:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inOrder emits the lines of logs that end, each in its order, by their times.
func inOrder(_ context.Context, logs []chan view.LogLine, emit func(view.LogLine) error) error {
	type head struct {
		line view.LogLine
		from <-chan view.LogLine
	}
	var heads []head
	for _, log := range logs {
		if l, ok := <-log; ok {
			heads = append(heads, head{l, log})
		}
	}
	for len(heads) > 0 {
		first := 0
		for i, h := range heads {
			if h.line.At.Before(heads[first].line.At) {
				first = i
			}
		}
		if err := emit(heads[first].line); err != nil {
			return err
		}
		var ok bool
		if heads[first].line, ok = <-heads[first].from; !ok {
			heads = slices.Delete(heads, first, first+1)
		}
	}
	return nil
}

// asTheyCome emits the lines of logs that go on.
func asTheyCome(ctx context.Context, logs []chan view.LogLine, emit func(view.LogLine) error) error {
	all := make(chan view.LogLine)
	g, ctx := errgroup.WithContext(ctx)
	for _, log := range logs {
		g.Go(func() error {
			for l := range log {
				if err := pass(ctx, all, l); err != nil {
					return err
				}
			}
			return nil
		})
	}
	over := make(chan error, 1)
	go func() { over <- g.Wait(); close(all) }()
	for l := range all {
		if err := emit(l); err != nil {
			return err // who reads the logs is told to stop
		}
	}
	return <-over
}
