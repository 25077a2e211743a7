package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// deed is something that a reader wants to be done with an app.
type deed struct {
	action, target, revision, detail string
	// needs are the rights that it takes, besides seeing the app.
	needs func(*view.App) ([]right, error)
	do    func(ctx context.Context, by string) error
	// often: it takes no more than a look, and is in the trail like one that is refused.
	often bool
}

// deed does it, if the reader may and the trail has it.
func (d *desk) deed(ctx context.Context, key model.AppKey, w deed) error {
	if d.looks != nil {
		return errNobody
	}
	app, err := d.find(ctx, key, w.action)
	if err != nil {
		return err
	}
	rec := d.record(w.action, d.trailName(&app))
	rec.Target, rec.Revision, rec.Detail = w.target, w.revision, w.detail
	needs, err := w.needs(&app)
	if err != nil {
		rec.Outcome, rec.Detail = outcomeDenied, err.Error()
		d.saw(ctx, rec)
		return err
	}
	if r, lacks := d.lacks(needs); lacks {
		rec.Outcome, rec.Detail = outcomeDenied, "without "+r.String()
		d.saw(ctx, rec)
		return denied(r)
	}
	rec.Outcome = outcomeAllowed
	write := d.trail.write
	if w.often {
		write = d.trail.once
	}
	if err := write(ctx, rec); err != nil {
		return err
	}
	if err := w.do(view.WithJudged(ctx, &app), d.by()); err != nil {
		rec.Outcome, rec.Detail = outcomeFailed, err.Error()
		d.trail.failed(ctx, rec)
		return err
	}
	return nil
}

// by is in whose name deeds are done, for people. The trail has the subject.
func (d *desk) by() string {
	id := d.reader.Identity
	switch {
	case id.Anonymous:
		return "anonymous"
	case id.Local || id.Title == "":
		return clean(id.Subject, 200)
	}
	return clean(id.Title, 200)
}

// verbs are the rights of verbs.
func (d *desk) verb(v view.Verb) func(*view.App) ([]right, error) {
	return func(app *view.App) ([]right, error) { return d.needs(v, app), nil }
}

func (d *desk) Sync(ctx context.Context, key model.AppKey, r view.SyncRequest) error {
	only := make([]string, len(r.Only))
	for i, on := range r.Only {
		only[i] = on.String()
	}
	return d.deed(ctx, key, deed{
		action: "sync", revision: r.Revision, target: strings.Join(only, ", "),
		detail: words("prune", r.Prune, "dry run", r.DryRun, "force", r.Force, "without hooks", r.NoHooks, "with options "+strings.Join(r.Options, ", "), r.Options != nil),
		needs: func(app *view.App) ([]right, error) {
			sync := d.needs(view.VerbSync, app)
			if _, lacks := d.lacks(sync); lacks {
				return sync, nil
			}
			other, err := d.overrides(ctx, app, r)
			if other {
				return d.needs(view.VerbOverride, app), err
			}
			return sync, err
		},
		do: func(ctx context.Context, by string) error { return d.Backend.Sync(ctx, key, by, r) },
	})
}

// overrides reports whether a request is for something else than the app declares:
// another revision than it follows, or other options.
func (d *desk) overrides(ctx context.Context, app *view.App, r view.SyncRequest) (bool, error) {
	other := func(s view.Source) bool { return !follows(s.Target, r.Revision) }
	if r.Revision != "" && (len(app.Sources) == 0 || slices.ContainsFunc(app.Sources, other)) {
		return true, nil
	}
	if r.Options == nil {
		return false, nil
	}
	detail, err := d.Backend.App(ctx, app.Key)
	if err != nil {
		return true, err
	}
	return !maps.Equal(set(r.Options), set(detail.SyncOptions)), nil
}

// follows reports whether a target is the revision.
func follows(target, revision string) bool {
	return target == revision || target == "" && revision == "HEAD"
}

func set(all []string) map[string]bool {
	out := map[string]bool{}
	for _, one := range all {
		out[strings.TrimSpace(one)] = true
	}
	return out
}

// words joins those texts that are followed by true.
func words(pairs ...any) string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if text, ok := pairs[i].(string); ok && pairs[i+1] == true {
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}

func (d *desk) Rollback(ctx context.Context, key model.AppKey, r view.RollbackRequest) error {
	return d.deed(ctx, key, deed{
		action: "rollback", target: fmt.Sprintf("history %d", r.ID),
		detail: words("prune", r.Prune, "dry run", r.DryRun),
		needs:  d.verb(view.VerbRollback),
		do:     func(ctx context.Context, by string) error { return d.Backend.Rollback(ctx, key, by, r) },
	})
}

func (d *desk) Terminate(ctx context.Context, key model.AppKey) error {
	return d.deed(ctx, key, deed{
		action: "terminate", needs: d.verb(view.VerbSync),
		do: func(ctx context.Context, by string) error { return d.Backend.Terminate(ctx, key, by) },
	})
}

func (d *desk) Refresh(ctx context.Context, key model.AppKey, hard bool) error {
	return d.deed(ctx, key, deed{
		action: "refresh", detail: words("hard", hard), often: true,
		needs: d.verb(view.VerbRefresh),
		do:    func(ctx context.Context, by string) error { return d.Backend.Refresh(ctx, key, by, hard) },
	})
}

func (d *desk) Suspend(ctx context.Context, key model.AppKey, suspend bool) error {
	action := "resume"
	if suspend {
		action = "suspend"
	}
	return d.deed(ctx, key, deed{
		action: action, needs: d.verb(view.VerbSuspend),
		do: func(ctx context.Context, by string) error { return d.Backend.Suspend(ctx, key, by, suspend) },
	})
}

func (d *desk) Automate(ctx context.Context, key model.AppKey, a view.Automation) error {
	return d.deed(ctx, key, deed{
		action: "autosync", detail: automation(a), needs: d.verb(view.VerbUpdate),
		do: func(ctx context.Context, by string) error { return d.Backend.Automate(ctx, key, by, a) },
	})
}

// automation is what of automated sync is asked for, in words.
func automation(a view.Automation) string {
	return words("on", a.On, "off", !a.On,
		"prune", a.Prune != nil && *a.Prune, "no prune", a.Prune != nil && !*a.Prune,
		"self-heal", a.SelfHeal != nil && *a.SelfHeal, "no self-heal", a.SelfHeal != nil && !*a.SelfHeal)
}

// DeleteApp is in the trail as a deletion without a target.
func (d *desk) DeleteApp(ctx context.Context, key model.AppKey, c view.Cascade) error {
	return d.deed(ctx, key, deed{
		action: "delete", detail: words("cascade "+clean(string(c), 20), c != ""), needs: d.verb(view.VerbDelete),
		do: func(ctx context.Context, by string) error { return d.Backend.DeleteApp(ctx, key, by, c) },
	})
}

func (d *desk) Act(ctx context.Context, key model.AppKey, on model.ObjectKey, action string, params map[string]string) ([]string, error) {
	var did []string
	err := d.deed(ctx, key, deed{
		action: "action/" + action, target: on.String(),
		// Of parameters only the names: a value may be anything.
		detail: words("with "+strings.Join(slices.Sorted(maps.Keys(params)), ", "), len(params) > 0),
		needs:  d.withObject(view.VerbAct, on, action),
		do: func(ctx context.Context, by string) (err error) {
			did, err = d.Backend.Act(ctx, key, by, on, action, params)
			return err
		},
	})
	return did, err
}

func (d *desk) Delete(ctx context.Context, key model.AppKey, on model.ObjectKey) error {
	return d.deed(ctx, key, deed{
		action: "delete", target: on.String(), needs: d.withObject(view.VerbDelete, on, ""),
		do: func(ctx context.Context, by string) error { return d.Backend.Delete(ctx, key, by, on) },
	})
}

// withObject are the rights of a verb with an object.
func (d *desk) withObject(v view.Verb, on model.ObjectKey, action string) func(*view.App) ([]right, error) {
	return func(app *view.App) ([]right, error) {
		if !plain(on) {
			_, err := noObject[struct{}](on)()
			return nil, err
		}
		if !word(action) {
			return nil, model.Invalidf("%q is no action: look at those that the object has", clean(action, 100))
		}
		return d.onObject(v, app, on, action), nil
	}
}
