package viewtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// App is view.Backend's.
func (b *Backend) App(_ context.Context, app model.AppKey) (out view.Detail, err error) {
	err = b.with("App", app, func(s *sample) error {
		out = s.Detail
		return nil
	})
	return out, err
}

// Manifests is view.Backend's.
func (b *Backend) Manifests(_ context.Context, q view.Query, may func(*view.App) bool) ([]map[string]any, view.Page, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failures["Manifests"]; err != nil {
		return nil, view.Page{}, err
	}
	page := b.board.Apps(q, may)
	var out []map[string]any
	for _, a := range page.Apps {
		out = append(out, b.apps[a.Key].Raw)
	}
	return out, page, nil
}

// Tree is view.Backend's.
func (b *Backend) Tree(_ context.Context, app model.AppKey) (out view.Tree, err error) {
	err = b.with("Tree", app, func(s *sample) error {
		out = s.tree
		return nil
	})
	return out, err
}

// Diff is view.Backend's. The revision that does not exist is "nowhere"; any other is
// compared with the same outcome.
func (b *Backend) Diff(_ context.Context, app model.AppKey, q view.DiffQuery) (out view.Diff, err error) {
	err = b.with("Diff", app, func(s *sample) error {
		if q.Revision == "nowhere" {
			return model.As(model.ErrNotFound, fmt.Errorf("there is no revision %q in %s", q.Revision, s.Sources[0].URL))
		}
		out = s.diff
		if q.Revision != "" {
			out.Revision, out.Commit = q.Revision, model.Commit{ID: commitID(q.Revision), Author: "Team Web", Time: Now, Subject: "Try " + q.Revision}
		}
		if q.Declared {
			out.Objects = nil
			for _, r := range s.Resources {
				if node := s.node(r.Ref.ObjectKey); node != nil && !r.Prune {
					out.Declared = append(out.Declared, objectOf(s, node).Desired)
				}
			}
			return nil
		}
		out.Objects = slices.Clone(out.Objects)
		out.Objects = slices.DeleteFunc(out.Objects, func(o view.ObjectDiff) bool {
			return o.Noise && !q.Noise || q.Object != nil && o.Ref.ObjectKey != *q.Object
		})
		return nil
	})
	return out, err
}

// Object is view.Backend's.
func (b *Backend) Object(_ context.Context, app model.AppKey, key model.ObjectKey) (out view.Object, err error) {
	err = b.with("Object", app, func(s *sample) error {
		node := s.node(key)
		if node == nil {
			return notInTree(app, key)
		}
		out = objectOf(s, node)
		return nil
	})
	return out, err
}

func notInTree(app model.AppKey, key model.ObjectKey) error {
	return model.As(model.ErrNotFound, fmt.Errorf("there is no object %s in app %s", key, app))
}

func (s *sample) node(key model.ObjectKey) *view.Node {
	for i := range s.tree.Nodes {
		if s.tree.Nodes[i].Ref.ObjectKey == key {
			return &s.tree.Nodes[i]
		}
	}
	return nil
}

// below are the nodes from node downwards, itself first.
func (s *sample) below(node *view.Node) []*view.Node {
	out := []*view.Node{node}
	for next := 0; next < len(out); next++ {
		for i := range s.tree.Nodes {
			n := &s.tree.Nodes[i]
			if out[next].UID != "" && slices.Contains(n.Parents, out[next].UID) && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// Events is view.Backend's.
func (b *Backend) Events(_ context.Context, app model.AppKey, key model.ObjectKey) (out []view.Event, err error) {
	err = b.with("Events", app, func(s *sample) error {
		if key == (model.ObjectKey{}) {
			out = declaringEvents(s)
			return nil
		}
		node := s.node(key)
		if node == nil {
			return notInTree(app, key)
		}
		for _, e := range s.events {
			if slices.ContainsFunc(s.below(node), func(n *view.Node) bool { return n.Ref.ObjectKey == e.Ref.ObjectKey }) {
				out = append(out, e)
			}
		}
		return nil
	})
	return out, err
}

// listed is a copy of what a method lists, unless it has to fail.
func listed[T any](b *Backend, method string, of func() []T) ([]T, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failures[method]; err != nil {
		return nil, err
	}
	return slices.Clone(of()), nil
}

// Clusters is view.Backend's.
func (b *Backend) Clusters(context.Context) ([]view.Cluster, error) {
	return listed(b, "Clusters", func() []view.Cluster { return b.clusters })
}

// Unreachable is view.Backend's.
func (b *Backend) Unreachable() []view.Cluster {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.clusters), func(c view.Cluster) bool { return c.Connected })
}

// Reach makes a cluster reachable, or unreachable for a reason.
func (b *Backend) Reach(name, err string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clusters = slices.Clone(b.clusters)
	for i := range b.clusters {
		if c := &b.clusters[i]; c.Name == name {
			c.Connected, c.Err = err == "", err
		}
	}
	b.board.Touch(view.TopicClusters)
}

// Repositories is view.Backend's.
func (b *Backend) Repositories(context.Context) ([]view.Repository, error) {
	return listed(b, "Repositories", func() []view.Repository { return b.repositories })
}

// Projects is view.Backend's.
func (b *Backend) Projects(context.Context) ([]view.Project, error) {
	return listed(b, "Projects", func() []view.Project { return b.projects })
}

// Feeders is view.Backend's.
func (b *Backend) Feeders(context.Context) ([]view.Feeder, error) {
	return listed(b, "Feeders", func() []view.Feeder { return b.feeders })
}

// Activity is view.Backend's.
func (b *Backend) Activity(_ context.Context, q view.ActivityQuery) ([]view.Activity, error) {
	all, err := listed(b, "Activity", func() []view.Activity { return b.activity })
	return pageOf(all, q.Limit, 50, 500, func(a view.Activity) bool {
		return (q.App == nil || a.App == *q.App) && isWanted(q.Project, a.Project) && isWanted(q.By, a.By) &&
			(len(q.Kinds) == 0 || slices.Contains(q.Kinds, a.Kind)) &&
			(q.From.IsZero() || !a.At.Before(q.From)) && (q.To.IsZero() || a.At.Before(q.To)) &&
			(q.Before == 0 || a.ID < q.Before) &&
			strings.Contains(strings.ToLower(a.Message+"\n"+a.App.String()+"\n"+a.Revision), strings.ToLower(q.Search))
	}), err
}

// Audits is view.Backend's.
func (b *Backend) Audits(_ context.Context, q view.AuditQuery) ([]view.Audit, error) {
	all, err := listed(b, "Audits", func() []view.Audit { return b.audits })
	return pageOf(all, q.Limit, 100, 1000, func(a view.Audit) bool {
		return isWanted(q.Who, a.Who) && isWanted(q.Action, a.Action) && isWanted(q.Object, a.Object) && isWanted(q.Outcome, a.Outcome) &&
			(q.From.IsZero() || !a.At.Before(q.From)) && (q.To.IsZero() || a.At.Before(q.To)) &&
			(q.Before == 0 || a.ID < q.Before)
	}), err
}

// VerifyAudit is view.Backend's.
func (b *Backend) VerifyAudit(context.Context) (view.AuditCheck, error) {
	all, err := listed(b, "VerifyAudit", func() []view.Audit { return b.audits })
	if err != nil || len(all) == 0 {
		return view.AuditCheck{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest, newest := all[len(all)-1], all[0]
	return view.AuditCheck{
		Records: len(all), FirstID: oldest.ID, First: oldest.At, LastID: newest.ID, Last: newest.At, Broken: b.altered,
	}, nil
}

// Alter has the audit trail be one that was changed, as where says.
func (b *Backend) Alter(where string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.altered = where
}

// isWanted reports whether value is the wanted one; "" wants any.
func isWanted(wanted, value string) bool { return wanted == "" || wanted == value }

// pageOf are the first of those that are wanted, newest first as they come.
func pageOf[T any](all []T, limit, usual, most int, want func(T) bool) []T {
	if limit <= 0 {
		limit = usual
	}
	limit = min(limit, most)
	var out []T
	for _, x := range all {
		if len(out) < limit && want(x) {
			out = append(out, x)
		}
	}
	return out
}
