package backend

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
		found := view.Cluster{
			ClusterName: view.ClusterName{Name: cmp.Or(c.Name, c.Server), Server: c.Server}, Project: c.Project(), Unsupported: c.Unsupported,
		}
		if c.Err != nil {
			found.Err = c.Err.Error()
		}
		out, targets = append(out, found), append(targets, c.Target())
	}
	byServer := map[string]*view.Cluster{}
	for i := range out {
		b.connection(ctx, &out[i], targets[i])
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

// connection says how a cluster is. One that no app uses is not connected to.
func (b *Backend) connection(ctx context.Context, c *view.Cluster, target string) {
	if c.Err != "" {
		return
	}
	how := b.Cluster(target)
	c.Connected, c.Requests, c.Kinds = how.Connected, how.Requests, how.Kinds
	if how.Err != nil {
		c.Err = how.Err.Error()
		return
	}
	place, err := b.Place(target)
	if err == nil {
		c.Version, err = place.Version(ctx)
	}
	if err != nil {
		c.Connected, c.Err = false, err.Error()
		return
	}
	c.Connected = true
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
