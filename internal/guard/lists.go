package guard

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// survey counts the apps that a reader may see, for what is shown with such counts.
type survey struct {
	seen                    map[model.AppKey]bool
	clusters, repos, groups map[string]int
	objects                 map[string]int
}

// survey looks at all apps once.
func (d *desk) survey() survey {
	s := survey{seen: map[model.AppKey]bool{}, clusters: map[string]int{}, repos: map[string]int{}, groups: map[string]int{}, objects: map[string]int{}}
	d.Backend.Apps(view.Query{Limit: 1}, func(app *view.App) bool {
		if s.seen[app.Key] || !d.sees(app) {
			return false
		}
		s.seen[app.Key] = true
		s.clusters[app.Cluster.Name]++
		s.objects[app.Cluster.Name] += app.Objects
		s.groups[app.Project]++
		var urls []string
		for _, source := range app.Sources {
			if !slices.Contains(urls, source.URL) {
				urls = append(urls, source.URL)
				s.repos[source.URL]++
			}
		}
		return false
	})
	return s
}

// list reads all there is of something called name, for a reader whose session is valid.
func list[T any](ctx context.Context, d *desk, name string, read func(context.Context) ([]T, error), show func(*T, survey) bool) ([]T, error) {
	if err := d.valid(ctx); err != nil {
		return nil, err
	}
	all, err := read(ctx)
	if err != nil {
		return nil, err
	}
	d.listed(ctx, name, nil)
	apps := d.survey()
	var out []T
	for _, one := range all {
		if show(&one, apps) {
			out = append(out, one)
		}
	}
	return out, nil
}

// scoped is an object that may belong to a project.
func scoped(project, name string) string {
	if project == "" {
		return name
	}
	return project + "/" + name
}

func (d *desk) Clusters(ctx context.Context) ([]view.Cluster, error) {
	return list(ctx, d, listClusters, d.Backend.Clusters, func(c *view.Cluster, apps survey) bool {
		sees := d.seesCluster(c)
		c.Apps, c.Objects = apps.clusters[c.Name], apps.objects[c.Name]
		c.Server = bare(c.Server)
		return sees
	})
}

func (d *desk) seesCluster(c *view.Cluster) bool {
	return d.may(access.Clusters, "get", scoped(c.Project, cmp.Or(c.Server, c.Name)))
}

func (d *desk) Unreachable(ctx context.Context) ([]view.Cluster, error) {
	if err := d.valid(ctx); err != nil {
		return nil, err
	}
	var out []view.Cluster
	for _, c := range d.Backend.Unreachable() {
		if d.seesCluster(&c) {
			c.Server = bare(c.Server)
			out = append(out, c)
		}
	}
	return out, nil
}

func (d *desk) Repositories(ctx context.Context) ([]view.Repository, error) {
	return list(ctx, d, listRepositories, d.Backend.Repositories, func(r *view.Repository, apps survey) bool {
		object := scoped(r.Project, r.URL)
		r.Apps = apps.repos[r.URL]
		r.URL = bare(r.URL)
		return d.may(access.Repositories, "get", object)
	})
}

func (d *desk) Projects(ctx context.Context) ([]view.Project, error) {
	return list(ctx, d, listProjects, d.Backend.Projects, func(p *view.Project, apps survey) bool {
		p.Apps = apps.groups[p.Name]
		p.SourceRepos = slices.Clone(p.SourceRepos)
		for i, repo := range p.SourceRepos {
			p.SourceRepos[i] = bare(repo)
		}
		p.Destinations = slices.Clone(p.Destinations)
		for i, destination := range p.Destinations {
			p.Destinations[i] = scrub(destination)
		}
		return d.may(access.Projects, "get", p.Name)
	})
}

// bare is an address without credentials and query, which may hold some.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return scrub(address)
	}
	if u.User == nil && u.RawQuery == "" && u.Fragment == "" {
		return address
	}
	if _, secret := u.User.Password(); secret || u.Scheme == "http" || u.Scheme == "https" {
		u.User = nil
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

func (d *desk) Feeders(ctx context.Context) ([]view.Feeder, error) {
	shown := map[string]bool{}
	out, err := list(ctx, d, listSources, d.Backend.Feeders, func(f *view.Feeder, apps survey) bool {
		resource, object := d.feeder(f)
		if !d.may(resource, "get", object) {
			return false
		}
		shown[feederName(*f)] = true
		f.Feeds = slices.DeleteFunc(slices.Clone(f.Feeds), func(key model.AppKey) bool { return !apps.seen[key] })
		f.URL = bare(f.URL)
		if !d.may(resource, "update", object) {
			f.Address = "" // whoever knows it may call it
		}
		return true
	})
	for i := range out {
		out[i].Upstream = slices.DeleteFunc(slices.Clone(out[i].Upstream), func(name string) bool { return !shown[name] })
	}
	return out, err
}

// feederName names a feeder as Upstream does.
func feederName(f view.Feeder) string { return f.Kind + "/" + f.Namespace + "/" + f.Name }

// feeder is the RBAC resource and object of a feeder.
func (d *desk) feeder(f *view.Feeder) (resource, object string) {
	if f.Kind == "ApplicationSet" {
		return access.ApplicationSets, d.inProject(f.Project, f.Namespace, f.Name)
	}
	return access.Sources, f.Namespace + "/" + f.Name
}

// The bounds of a search for activities that a reader may see: of all that there are,
// at most so many are looked at for a page.
const (
	batch      = 500
	maxBatches = 40
)

func (d *desk) Activity(ctx context.Context, q view.ActivityQuery) ([]view.Activity, error) {
	if err := d.valid(ctx); err != nil {
		return nil, err
	}
	d.listed(ctx, listActivity, activityFilter(q))
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	limit, q.Limit = min(limit, batch), batch
	var out []view.Activity
	for range maxBatches {
		got, err := d.Backend.Activity(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range got {
			if d.seesActivity(a) {
				out = append(out, a)
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(got) < batch || got[len(got)-1].ID == q.Before {
			break
		}
		q.Before = got[len(got)-1].ID
	}
	return out, nil
}

// seesActivity reports whether the reader may get the app, as it was when it happened
// and as it is now.
func (d *desk) seesActivity(a view.Activity) bool {
	then := view.App{Key: a.App, Project: a.Project}
	if !d.sees(&then) {
		return false
	}
	now, ok := d.Backend.Brief(a.App)
	return !ok || d.sees(&now)
}

func (d *desk) Audits(ctx context.Context, q view.AuditQuery) ([]view.Audit, error) {
	if err := d.readsAudit(ctx, readAudit, filterText(auditFilter(q))); err != nil {
		return nil, err
	}
	return d.Backend.Audits(ctx, q)
}

func (d *desk) VerifyAudit(ctx context.Context) (view.AuditCheck, error) {
	if err := d.readsAudit(ctx, "verify-audit", ""); err != nil {
		return view.AuditCheck{}, err
	}
	return d.Backend.VerifyAudit(ctx)
}

// readsAudit refuses who may not read the trail, and notes who does, and what of it.
func (d *desk) readsAudit(ctx context.Context, action, filter string) error {
	if err := d.valid(ctx); err != nil {
		return err
	}
	rec := d.record(action, mayAudit.resource+"/"+mayAudit.object)
	if !d.has(mayAudit) {
		rec.Outcome, rec.Detail = outcomeDenied, "without "+mayAudit.String()
		d.saw(ctx, rec)
		return denied(mayAudit)
	}
	rec.Outcome, rec.Detail = outcomeAllowed, filter
	d.saw(ctx, rec)
	return nil
}
