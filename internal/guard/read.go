package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The names of reads in the trail.
const (
	readApp    = "get"
	readObject = "object"
	readDiff   = "diff"
	readLogs   = "logs"
)

func (d *desk) Apps(ctx context.Context, q view.Query) (view.Page, error) {
	if err := d.valid(ctx); err != nil {
		return view.Page{}, err
	}
	d.listed(ctx, listApps, appsFilter(q))
	return d.Backend.Apps(q, d.sees), nil
}

func (d *desk) Manifests(ctx context.Context, q view.Query) ([]map[string]any, view.Page, error) {
	if err := d.valid(ctx); err != nil {
		return nil, view.Page{}, err
	}
	d.listed(ctx, listApps, appsFilter(q))
	return d.Backend.Manifests(ctx, q, d.sees)
}

func (d *desk) Brief(ctx context.Context, key model.AppKey) (view.App, error) {
	return d.find(ctx, key, readApp)
}

// look is a read of what an app has: of target, "" being itself.
func look[T any](ctx context.Context, d *desk, key model.AppKey, rec view.Audit, get func() (T, error)) (T, error) {
	var none T
	app, err := d.find(ctx, key, rec.Action)
	if err != nil {
		return none, err
	}
	who := d.record(rec.Action, d.trailName(&app))
	who.Target, who.Revision, who.Outcome = rec.Target, rec.Revision, outcomeAllowed
	got, err := get()
	if err == nil {
		d.saw(ctx, who)
		return got, nil
	}
	if errors.Is(err, model.ErrNotFound) {
		who.Outcome, who.Detail = outcomeDenied, "there is no such thing in the app"
		d.saw(ctx, who)
	}
	return none, err
}

func (d *desk) App(ctx context.Context, key model.AppKey) (view.Detail, error) {
	got, err := look(ctx, d, key, view.Audit{Action: readApp}, func() (view.Detail, error) { return d.Backend.App(ctx, key) })
	if err == nil && !d.sees(&got.App) { // it has changed its project meanwhile
		return view.Detail{}, missing(key)
	}
	got.Origin = d.origin(got.Origin)
	return got, err
}

// origin is without the name of an app that the reader may not see.
func (d *desk) origin(o *view.Origin) *view.Origin {
	if o == nil || o.App == (model.AppKey{}) {
		return o
	}
	if app, ok := d.Backend.Brief(o.App); ok && d.sees(&app) {
		return o
	}
	return &view.Origin{Kind: o.Kind, Heals: o.Heals, Automated: o.Automated, Known: o.Known}
}

func (d *desk) Tree(ctx context.Context, key model.AppKey) (view.Tree, error) {
	return look(ctx, d, key, view.Audit{Action: readApp}, func() (view.Tree, error) { return d.Backend.Tree(ctx, key) })
}

func (d *desk) Diff(ctx context.Context, key model.AppKey, q view.DiffQuery) (view.Diff, error) {
	rec := view.Audit{Action: readDiff, Revision: q.Revision}
	if q.Object != nil {
		if !plain(*q.Object) {
			return look(ctx, d, key, rec, noObject[view.Diff](*q.Object))
		}
		rec.Target = q.Object.String()
	}
	if err := d.mayRender(ctx, key, rec); err != nil {
		return view.Diff{}, err
	}
	return look(ctx, d, key, rec, func() (view.Diff, error) {
		done, err := d.diffs.take(ctx, d.reader.Identity.Subject, q.Now)
		if err != nil {
			return view.Diff{}, err
		}
		defer done()
		return d.Backend.Diff(ctx, key, q)
	})
}

// mayRender refuses content that the app does not follow to who may not sync it. What a
// render of it shows is its author's choice: whoever may push a branch, or only open a
// pull request, could have what renders may read (decrypted values, objects that a chart
// looks up) put where everybody sees it.
func (d *desk) mayRender(ctx context.Context, key model.AppKey, rec view.Audit) error {
	if rec.Revision == "" {
		return nil
	}
	app, err := d.find(ctx, key, rec.Action)
	if err != nil {
		return err
	}
	other := func(s view.Source) bool { return !follows(s.Target, rec.Revision) }
	if len(app.Sources) > 0 && !slices.ContainsFunc(app.Sources, other) {
		return nil
	}
	r, lacks := d.lacks(d.needs(view.VerbOverride, &app))
	if !lacks {
		return nil
	}
	who := d.record(rec.Action, d.trailName(&app))
	who.Target, who.Revision, who.Outcome, who.Detail = rec.Target, rec.Revision, outcomeDenied, "without "+r.String()
	d.saw(ctx, who)
	return denied(r)
}

func (d *desk) Object(ctx context.Context, key model.AppKey, on model.ObjectKey) (view.Object, error) {
	rec := view.Audit{Action: readObject, Target: on.String()}
	if !plain(on) {
		return look(ctx, d, key, rec, noObject[view.Object](on))
	}
	return look(ctx, d, key, rec, func() (view.Object, error) { return d.Backend.Object(ctx, key, on) })
}

func (d *desk) Events(ctx context.Context, key model.AppKey, on model.ObjectKey) ([]view.Event, error) {
	rec := view.Audit{Action: readApp}
	if on != (model.ObjectKey{}) {
		rec = view.Audit{Action: readObject, Target: on.String()}
		if !plain(on) {
			return look(ctx, d, key, rec, noObject[[]view.Event](on))
		}
	}
	return look(ctx, d, key, rec, func() ([]view.Event, error) { return d.Backend.Events(ctx, key, on) })
}

// noObject answers for a key that no object can have.
func noObject[T any](on model.ObjectKey) func() (T, error) {
	return func() (T, error) {
		var none T
		return none, model.As(model.ErrNotFound, fmt.Errorf("there is no %s in the app: look at its tree", clean(on.String(), 200)))
	}
}

// plain reports whether an object may be called so. Its words become words of a right,
// where a slash would make others of them.
func plain(on model.ObjectKey) bool {
	return word(on.Group) && word(on.Kind) && word(on.Namespace) && word(on.Name) && on.Kind != "" && on.Name != ""
}

// word reports whether a text can be a word of a right: what was decided of it is
// remembered, so that it has a length, too.
func word(text string) bool {
	return len(text) <= 253 && !strings.ContainsFunc(text, func(c rune) bool { return c == '/' || c < ' ' || c == 0x7f })
}
