package backend

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Clusters are those that apps can be applied to.
func (b *Backend) Clusters(ctx context.Context) ([]view.Cluster, error) {
	out := []view.Cluster{{ClusterName: b.clusterName("")}}
	targets := []string{""}
	for _, c := range b.Settings().Clusters() {
		if c.Target() == "" {
			out[0].Unsupported = c.Unsupported
			continue
		}
		out, targets = append(out, declaredCluster(c)), append(targets, c.Target())
	}
	b.callRoll(ctx, rollAge)
	byServer := map[string]*view.Cluster{}
	for i := range out {
		b.connection(&out[i], targets[i])
		byServer[out[i].Server] = &out[i]
	}
	b.board.Each(func(app *view.App) {
		if c := byServer[app.Cluster.Server]; c != nil {
			c.Apps++
			c.Objects += app.Objects
		}
	})
	return out, nil
}

// declaredCluster is one that a Secret declares.
func declaredCluster(c argo.Cluster) view.Cluster {
	found := view.Cluster{
		ClusterName: view.ClusterName{Name: cmp.Or(c.Name, c.Server), Server: c.Server}, Project: c.Project(), Unsupported: c.Unsupported,
	}
	if c.Err != nil {
		found.Err = c.Err.Error()
	}
	return found
}

// connection says how a cluster is.
func (b *Backend) connection(c *view.Cluster, target string) {
	if c.Err != "" {
		return
	}
	how := b.Cluster(target)
	c.Requests, c.Kinds = how.Requests, how.Kinds
	last, ok := b.roll.of(target)
	if c.Version = last.version; last.err != nil {
		c.Err, c.Since = last.err.Error(), last.since
	}
	c.Connected = ok && last.err == nil
}

// Repositories are the places that content comes from: those of the apps, of Flux's
// sources, and of Argo CD's repository Secrets.
func (b *Backend) Repositories(ctx context.Context) ([]view.Repository, error) {
	all := map[string]*view.Repository{}
	at := func(kind model.SourceKind, url string) *view.Repository {
		key := strings.TrimSuffix(strings.TrimSuffix(url, "/"), ".git")
		if all[key] == nil {
			all[key] = &view.Repository{Kind: cmp.Or(kind, model.SourceGit), URL: url, Web: view.WebURL(url), Credentials: "none"}
		}
		return all[key]
	}
	for _, r := range b.Settings().Repositories() {
		known := at(r.Kind, model.WithoutUser(r.URL))
		known.Project, known.Credentials = r.Project, r.Credentials
	}
	b.board.Each(func(app *view.App) {
		counted := map[*view.Repository]bool{}
		declared, _ := b.Engine.App(app.Key)
		for i, s := range app.Sources {
			if s.URL == "" {
				continue
			}
			known := at(s.Kind, s.URL)
			if !counted[known] {
				known.Apps++
				counted[known] = true
			}
			if i < len(declared.Sources) {
				b.follow(known, s.Target, declared.Sources[i].Key)
			}
		}
	})
	out := make([]view.Repository, 0, len(all))
	for _, r := range all {
		slices.SortFunc(r.Revisions, func(a, b view.Followed) int { return strings.Compare(a.Target, b.Target) })
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b view.Repository) int { return strings.Compare(a.URL, b.URL) })
	return out, nil
}

// follow adds what a subscription says of a repository.
func (b *Backend) follow(r *view.Repository, target string, key model.SourceKey) {
	state, ok := b.Sources.State(key)
	if !ok {
		return
	}
	if looks, contents, ok := b.Sources.Usage(key); ok {
		r.Looks, r.Contents = max(r.Looks, looks), max(r.Contents, contents)
	}
	if state.Checked.After(r.Checked) {
		r.Checked = state.Checked
	}
	if state.Err != nil && (r.Err == "" || state.Since.Before(r.Since)) {
		r.Err, r.Since = state.Err.Error(), state.Since
	}
	if state.Snapshot == nil || slices.ContainsFunc(r.Revisions, func(f view.Followed) bool { return f.Target == target }) {
		return
	}
	r.Revisions = append(r.Revisions, view.Followed{Target: target, Revision: state.Snapshot.Revision, Commit: Shown(state.Snapshot.Commit)})
}
