package viewtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// deed notes what was asked for and changes the app by f, which gets a copy.
func (b *Backend) deed(method string, app model.AppKey, by string, words []string, f func(*sample, time.Time) error) error {
	return b.with(method, app, func(s *sample) error {
		text := []string{strings.ToLower(method), app.String(), "by", by}
		b.deeds = append(b.deeds, strings.Join(append(text, words...), " "))
		at := b.tick()
		if err := f(s, at); err != nil {
			return err
		}
		b.activity = slices.Insert(slices.Clip(b.activity), 0, view.Activity{
			ID: int64(len(b.activity) + 1), At: at, App: app, Project: s.Project, Kind: view.ActivityAction,
			By: by, Revision: s.Revision, Commit: s.Commit, Message: strings.Join(append([]string{"asked for " + text[0]}, words...), " "),
		})
		b.show(s)
		b.board.Touch(view.TopicApp(app))
		b.board.Touch(view.TopicTree(app))
		b.board.Touch(view.TopicActivity)
		return nil
	})
}

// Sync is view.Backend's: a sync begins, which runs until Finish. One that runs is
// refused to be joined by another.
func (b *Backend) Sync(_ context.Context, app model.AppKey, by string, r view.SyncRequest) error {
	words := flags("prune", r.Prune, "dry-run", r.DryRun, "force", r.Force, "no-hooks", r.NoHooks)
	if r.Revision != "" {
		words = append(words, "revision="+r.Revision)
	}
	for _, o := range r.Only {
		words = append(words, "only="+o.String())
	}
	for _, o := range r.Options {
		words = append(words, "option="+o)
	}
	return b.deed("Sync", app, by, words, func(s *sample, at time.Time) error {
		if s.Phase == model.PhaseRunning {
			return model.Invalidf("a sync of %s is running: wait for its end, or terminate it", app)
		}
		revision := r.Revision
		if revision == "" {
			revision = s.Revision
		}
		s.Phase = model.PhaseRunning
		s.Operation = &view.Operation{
			Phase: model.PhaseRunning, Message: "writing objects", By: by, Revision: revision,
			Started: at, DryRun: r.DryRun, Prune: r.Prune,
		}
		return nil
	})
}

// Finish ends the running sync of an app: it is then synced and healthy, unless it
// was a dry run.
func (b *Backend) Finish(app model.AppKey) {
	b.Edit(app, func(d *view.Detail) {
		op := d.Operation
		op.Phase, op.Message, op.Finished = model.PhaseSucceeded, "all objects are written", b.tick()
		d.Phase = model.PhaseSucceeded
		if op.DryRun {
			return
		}
		d.Sync, d.Health, d.Message, d.OutOfSync, d.Unhealthy, d.Conditions = model.Synced, model.Healthy, "", 0, 0, nil
		d.Resources = slices.Clone(d.Resources)
		for i := range d.Resources {
			if r := &d.Resources[i]; !r.Hook {
				r.Sync, r.Health, r.Message, r.Live = model.Synced, model.Healthy, "", true
			}
		}
	})
}

// Rollback is view.Backend's: a sync of that entry's revision begins.
func (b *Backend) Rollback(_ context.Context, app model.AppKey, by string, r view.RollbackRequest) error {
	words := append([]string{fmt.Sprintf("id=%d", r.ID)}, flags("prune", r.Prune, "dry-run", r.DryRun)...)
	return b.deed("Rollback", app, by, words, func(s *sample, at time.Time) error {
		i := slices.IndexFunc(s.History, func(d view.Deployment) bool { return d.ID == r.ID })
		if i < 0 {
			return model.As(model.ErrNotFound, fmt.Errorf("there is no deployment %d of %s", r.ID, app))
		}
		if !s.CanRollback {
			return model.Invalidf("%s can't be rolled back: %s", app, s.WhyNot)
		}
		s.Phase = model.PhaseRunning
		s.Operation = &view.Operation{
			Phase: model.PhaseRunning, Message: "going back", By: by, Revision: s.History[i].Revision,
			Started: at, DryRun: r.DryRun, Prune: r.Prune,
		}
		if !r.DryRun {
			s.Revision, s.Commit = s.History[i].Revision, s.History[i].Commit
		}
		return nil
	})
}

// Terminate is view.Backend's: the running sync fails.
func (b *Backend) Terminate(_ context.Context, app model.AppKey, by string) error {
	return b.deed("Terminate", app, by, nil, func(s *sample, at time.Time) error {
		if s.Operation == nil || s.Phase != model.PhaseRunning {
			return model.Invalidf("no sync of %s is running", app)
		}
		op := *s.Operation
		op.Phase, op.Message, op.Finished, op.Terminating = model.PhaseFailed, "terminated by "+by, at, true
		s.Operation, s.Phase = &op, model.PhaseFailed
		return nil
	})
}

// Refresh is view.Backend's: only Changed does.
func (b *Backend) Refresh(_ context.Context, app model.AppKey, by string, hard bool) error {
	return b.deed("Refresh", app, by, flags("hard", hard), func(s *sample, at time.Time) error {
		s.Changed = at
		return nil
	})
}

// Suspend is view.Backend's; an Application can't be suspended.
func (b *Backend) Suspend(_ context.Context, app model.AppKey, by string, suspend bool) error {
	return b.deed("Suspend", app, by, []string{fmt.Sprint(suspend)}, func(s *sample, at time.Time) error {
		if s.Kind == view.KindApplication {
			return model.Invalidf("an Application can't be suspended: switch its automated sync off")
		}
		s.Suspended, s.Changed = suspend, at
		return nil
	})
}

// Automate is view.Backend's; Flux's kinds sync by themselves anyway.
func (b *Backend) Automate(_ context.Context, app model.AppKey, by string, a view.Automation) error {
	words := []string{map[bool]string{true: "on", false: "off"}[a.On]}
	for _, rule := range []struct {
		name string
		set  *bool
	}{{"prune", a.Prune}, {"self-heal", a.SelfHeal}} {
		if rule.set != nil {
			words = append(words, fmt.Sprintf("%s=%t", rule.name, *rule.set))
		}
	}
	return b.deed("Automate", app, by, words, func(s *sample, at time.Time) error {
		if s.Kind != view.KindApplication {
			return model.Invalidf("a %s syncs by itself: suspend it to stop that", s.Kind)
		}
		s.Auto, s.Changed = a.On, at
		if !a.On && len(s.History) > 1 {
			s.CanRollback, s.WhyNot = true, ""
		}
		for to, set := range map[*bool]*bool{&s.Prune: a.Prune, &s.SelfHeal: a.SelfHeal} {
			if set != nil {
				*to = *set
			}
		}
		s.declare()
		return nil
	})
}

// DeleteApp is view.Backend's: the app is then being deleted until Remove, or gone at
// once where its objects stay.
func (b *Backend) DeleteApp(_ context.Context, app model.AppKey, by string, c view.Cascade) error {
	gone := false
	err := b.deed("DeleteApp", app, by, flags(string(c), c != ""), func(s *sample, at time.Time) error {
		if c != "" && s.Kind != view.KindApplication {
			return model.Invalidf("a %s says itself what becomes of its objects: leave cascade out", s.Kind)
		}
		s.Deleting, s.Changed, gone = true, at, c == view.CascadeNone || s.Deletion.Cascade == view.CascadeNone
		s.Deletion.Since, s.Deletion.Cascade = at, cmp.Or(c, s.Deletion.Cascade)
		return nil
	})
	if gone {
		b.Remove(app)
	}
	return err
}

// Act is view.Backend's.
func (b *Backend) Act(_ context.Context, app model.AppKey, by string, on model.ObjectKey, action string, params map[string]string) (did []string, err error) {
	words := []string{action, on.String()}
	for _, k := range slices.Sorted(maps.Keys(params)) {
		words = append(words, k+"="+params[k])
	}
	err = b.deed("Act", app, by, words, func(s *sample, _ time.Time) error {
		node := s.node(on)
		if node == nil {
			return notInTree(app, on)
		}
		actions := actionsOf(node)
		i := slices.IndexFunc(actions, func(a view.Action) bool { return a.Name == action })
		if i < 0 {
			return model.As(model.ErrNotFound, fmt.Errorf("%s has no action %q", on, action))
		}
		if why := actions[i].Why; why != "" {
			return model.Invalidf("%s of %s can't be done now: %s", action, on, why)
		}
		did = []string{fmt.Sprintf("%s: %s", on, actions[i].Title)}
		return nil
	})
	return did, err
}

// Delete is view.Backend's: the node and its descendants are then being deleted.
func (b *Backend) Delete(_ context.Context, app model.AppKey, by string, on model.ObjectKey) error {
	return b.deed("Delete", app, by, []string{on.String()}, func(s *sample, _ time.Time) error {
		if s.node(on) == nil {
			return notInTree(app, on)
		}
		s.tree.Nodes = slices.Clone(s.tree.Nodes)
		for _, n := range s.below(s.node(on)) {
			n.Deleting = true
		}
		return nil
	})
}

// flags are the words whose value, which follows each, is true.
func flags(pairs ...any) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == true {
			out = append(out, pairs[i].(string))
		}
	}
	return out
}
