package viewtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Options say who sits at a Desk and what it may.
type Options struct {
	// Who is the reader; the zero value is "admin".
	Who view.Who
	// May reports whether the reader may do that with the app; nil is everything.
	// Without view.VerbGet the app does not exist for it.
	May func(view.Verb, view.App) bool
	// Hidden: the reader sees no clusters, repositories, projects, feeders and audits,
	// and they are refused.
	Hidden bool
}

// Desk is a reader's view of any backend. It audits nothing.
func Desk(b view.Backend, o Options) view.Desk {
	if o.Who.Name == "" && !o.Who.Anonymous {
		o.Who.Name = "admin"
	}
	if o.Who.Title == "" {
		o.Who.Title = o.Who.Name
	}
	if o.May == nil {
		o.May = func(view.Verb, view.App) bool { return true }
	}
	return &desk{b: b, o: o}
}

type desk struct {
	b view.Backend
	o Options
}

func (d *desk) Who() view.Who { return d.o.Who }

// Together never makes one of several readings.
func (d *desk) Together(ctx context.Context, _ string, read func(context.Context, view.Desk) (any, error)) (any, error) {
	return read(ctx, d)
}

func (d *desk) May(v view.Verb, a view.App) bool {
	return d.o.May(view.VerbGet, a) && d.o.May(v, a)
}

func (d *desk) MayOn(v view.Verb, a view.App, _ model.ObjectKey, _ string) bool { return d.May(v, a) }

// Can permits what May permits of the object's app; of all else only the admin.
func (d *desk) Can(_ context.Context, resource, action, object string) (bool, error) {
	project, name, _ := strings.Cut(object, "/")
	switch resource {
	case "applications":
		return d.May(view.Verb(action), view.App{Key: Key(view.KindApplication, "argocd", name), Project: project}), nil
	case "clusters", "projects", "repositories":
		return !d.o.Hidden, nil
	}
	return false, model.Invalidf("there is no resource %s", resource)
}

// check is nil if the reader may do that with the app.
func (d *desk) check(v view.Verb, key model.AppKey) error {
	a, found := d.b.Brief(key)
	switch {
	case !found || !d.o.May(view.VerbGet, a):
		return NotFound(key)
	case !d.o.May(v, a):
		return model.As(model.ErrDenied, fmt.Errorf("you may not %s app %s", v, key))
	}
	return nil
}

// asked is what get returns if the reader may do that with the app.
func asked[T any](d *desk, v view.Verb, key model.AppKey, get func() (T, error)) (T, error) {
	if err := d.check(v, key); err != nil {
		var none T
		return none, err
	}
	return get()
}

func (d *desk) Apps(_ context.Context, q view.Query) (view.Page, error) {
	return d.b.Apps(q, func(a *view.App) bool { return d.o.May(view.VerbGet, *a) }), nil
}

func (d *desk) Manifests(ctx context.Context, q view.Query) ([]map[string]any, view.Page, error) {
	return d.b.Manifests(ctx, q, func(a *view.App) bool { return d.o.May(view.VerbGet, *a) })
}

func (d *desk) Brief(_ context.Context, key model.AppKey) (view.App, error) {
	return asked(d, view.VerbGet, key, func() (view.App, error) {
		a, _ := d.b.Brief(key)
		return a, nil
	})
}

func (d *desk) App(ctx context.Context, key model.AppKey) (view.Detail, error) {
	return asked(d, view.VerbGet, key, func() (view.Detail, error) { return d.b.App(ctx, key) })
}

func (d *desk) Tree(ctx context.Context, key model.AppKey) (view.Tree, error) {
	return asked(d, view.VerbGet, key, func() (view.Tree, error) { return d.b.Tree(ctx, key) })
}

func (d *desk) Diff(ctx context.Context, key model.AppKey, q view.DiffQuery) (view.Diff, error) {
	return asked(d, view.VerbGet, key, func() (view.Diff, error) { return d.b.Diff(ctx, key, q) })
}

func (d *desk) Object(ctx context.Context, key model.AppKey, on model.ObjectKey) (view.Object, error) {
	return asked(d, view.VerbGet, key, func() (view.Object, error) { return d.b.Object(ctx, key, on) })
}

func (d *desk) Events(ctx context.Context, key model.AppKey, on model.ObjectKey) ([]view.Event, error) {
	return asked(d, view.VerbGet, key, func() ([]view.Event, error) { return d.b.Events(ctx, key, on) })
}

func (d *desk) Logs(ctx context.Context, key model.AppKey, q view.LogQuery, emit func(view.LogLine) error) error {
	if err := d.check(view.VerbLogs, key); err != nil {
		return err
	}
	return d.b.Logs(ctx, key, q, emit)
}

// world is what get returns unless it is hidden from the reader.
func world[T any](ctx context.Context, d *desk, get func(context.Context) ([]T, error)) ([]T, error) {
	if d.o.Hidden {
		return nil, nil
	}
	return get(ctx)
}

func (d *desk) Clusters(ctx context.Context) ([]view.Cluster, error) {
	return world(ctx, d, d.b.Clusters)
}

func (d *desk) Unreachable(context.Context) ([]view.Cluster, error) {
	if d.o.Hidden {
		return nil, nil
	}
	return d.b.Unreachable(), nil
}

func (d *desk) Repositories(ctx context.Context) ([]view.Repository, error) {
	return world(ctx, d, d.b.Repositories)
}

func (d *desk) Projects(ctx context.Context) ([]view.Project, error) {
	return world(ctx, d, d.b.Projects)
}

func (d *desk) Feeders(ctx context.Context) ([]view.Feeder, error) {
	return world(ctx, d, d.b.Feeders)
}

// Activity leaves out that of apps that the reader may not see.
func (d *desk) Activity(ctx context.Context, q view.ActivityQuery) ([]view.Activity, error) {
	all, err := d.b.Activity(ctx, q)
	var out []view.Activity
	for _, a := range all {
		if d.check(view.VerbGet, a.App) == nil {
			out = append(out, a)
		}
	}
	return out, err
}

func (d *desk) Audits(ctx context.Context, q view.AuditQuery) ([]view.Audit, error) {
	if d.o.Hidden {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not read the audit trail"))
	}
	return d.b.Audits(ctx, q)
}

func (d *desk) VerifyAudit(ctx context.Context) (view.AuditCheck, error) {
	if d.o.Hidden {
		return view.AuditCheck{}, model.As(model.ErrDenied, fmt.Errorf("you may not read the audit trail"))
	}
	return d.b.VerifyAudit(ctx)
}
