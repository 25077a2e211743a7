package engine

import (
	"context"
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Inspection is what a sync of an app would do, with nothing of it done.
type Inspection struct {
	Plan model.Plan
	// Desired are the objects that the plan's steps name, as they would be
	// written.
	Desired map[model.ObjectKey]model.Object
	// Hooks are declared as well.
	Hooks []model.Object
	// Barred says of steps' objects why nothing of them may be shown: they are another
	// app's, which declares them too, or not for this app.
	Barred map[model.ObjectKey]error
	// Snapshot is the content that they were rendered from.
	Snapshot *model.Snapshot
	// Warnings are what a report would tell the user.
	Warnings []model.Warning
}

// Inspect goes through the stages of a reconcile up to the plan and writes
// nothing but dry runs. A suspended app is inspected like any other. While
// content or lists of objects are missing, it waits for changed, which has to
// be signalled whenever sources or targets have news.
//
// It claims the app's objects at the target and needs no Run: it is for an
// engine that doesn't have the app.
func (e *Engine) Inspect(ctx context.Context, app model.App, changed <-chan struct{}) (Inspection, error) {
	if app.Invalid != nil {
		return Inspection{}, app.Invalid
	}
	s := newState(app)
	for {
		r := newRun(e, s)
		err := r.inspect(ctx)
		if !errors.Is(err, errPending) {
			return r.inspection(), err
		}
		select {
		case <-ctx.Done():
			return Inspection{}, context.Cause(ctx)
		case <-changed:
		}
	}
}

// inspect goes through the stages that change nothing.
func (r *run) inspect(ctx context.Context) error {
	for _, do := range []func(context.Context) error{r.connect, r.resolve, r.observe, r.decide} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	r.report.Warnings = append(r.report.Warnings, r.shared()...)
	// With a snapshot this is an error of the newest content, of which an older
	// one was rendered.
	return r.report.Err
}

func (r *run) inspection() Inspection {
	out := Inspection{Plan: r.plan, Snapshot: r.report.Snapshot, Warnings: r.report.Warnings, Barred: map[model.ObjectKey]error{}}
	for _, s := range r.plan.Steps {
		if why := r.barred(s.Object); why != nil {
			out.Barred[s.Object.ObjectKey] = why
		}
	}
	if r.desired == nil {
		return out
	}
	out.Desired = r.desired.byKey
	for _, h := range r.desired.hooks {
		out.Hooks = append(out.Hooks, h.Object)
		if why := r.barred(h.Object.ObjectRef); why != nil {
			out.Barred[h.Object.ObjectKey] = why
		}
	}
	return out
}

// barred is why nothing of an object that is declared may be shown; nil if it may.
func (r *run) barred(obj model.ObjectRef) error {
	if r.declares(obj.ObjectKey) && r.foreign(obj.ObjectKey) {
		return model.Others(obj.ObjectKey)
	}
	if permit := r.e.cfg.Dialects[r.app.Key.Dialect].Permit; permit != nil {
		return permit(r.app, []model.ObjectRef{obj})
	}
	return nil
}
