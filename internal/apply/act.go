package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Writer writes to a target. Errors have a kind of package model.
type Writer interface {
	// Apply writes the object, by server-side apply if nothing else is asked for.
	// With model.ErrImmutable it returns the UID of what stands in the way.
	Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error)
	// Delete deletes the object with that UID.
	Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error
	// Parallel is how many writes may be under way now.
	Parallel() int
}

// Options are those of one Act.
type Options struct {
	// Objects are the desired objects that the plan's steps name.
	Objects map[model.ObjectKey]model.Object
	// UIDs are those of the objects that the plan deletes.
	UIDs map[model.ObjectKey]string
	// Manager is the field manager.
	Manager string
	// Deletion is the propagation policy of deletes; "" is "Background".
	Deletion string
	// Recreate deletes and creates an object whose change is refused because a
	// field can't change.
	Recreate bool
	// DryRun asks the API server and writes nothing.
	DryRun bool
	// Prune carries out the plan's deletes.
	Prune bool
	// Migrate is that of model.Write.
	Migrate []string
	// Wrote is called after each write, from several goroutines; nil for none.
	Wrote func(model.Result)
}

// Act carries out the plan. It goes on after an error, since objects are
// independent of each other, but neither begins a later wave nor deletes
// anything after one, or while an object is waited for. The results are in the order of the steps.
func Act(ctx context.Context, w Writer, plan model.Plan, opt Options) model.ChangeSet {
	a := actor{w: w, opt: opt, results: make([]model.Result, len(plan.Steps))}
	for _, batch := range batches(plan.Steps) {
		if a.hindered(plan.Steps, plan.Steps[batch[0]]) || ctx.Err() != nil {
			a.skip(plan.Steps, batch)
			continue
		}
		a.run(ctx, plan.Steps, batch)
	}
	return model.ChangeSet{Results: a.results}
}

type actor struct {
	w       Writer
	opt     Options
	results []model.Result
	done    []int
}

// batches groups the steps' indices: what may be done in parallel, in order.
func batches(steps []model.Step) [][]int {
	var out [][]int
	for i, s := range steps {
		same := i > 0 && steps[i-1].Stage == s.Stage && steps[i-1].Wave == s.Wave && isDelete(steps[i-1]) == isDelete(s)
		if !same {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

func isDelete(s model.Step) bool { return s.Action == model.ActionDelete }

// hindered reports whether something that has to be done before a step failed or
// is waited for: anything before a delete, a lower wave before a write.
func (a *actor) hindered(steps []model.Step, next model.Step) bool {
	return slices.ContainsFunc(a.done, func(i int) bool {
		_, declared := a.opt.Objects[steps[i].Object.ObjectKey]
		before := isDelete(next) || steps[i].Wave < next.Wave
		return before && (a.results[i].Err != nil || (declared && steps[i].Action == model.ActionWait))
	})
}

// skip does nothing of a batch, and says so where there was something to do.
func (a *actor) skip(steps []model.Step, batch []int) {
	for _, i := range batch {
		s := steps[i]
		a.results[i] = model.Result{Object: s.Object, Action: s.Action, Message: s.Reason}
		switch s.Action {
		case model.ActionCreate, model.ActionUpdate, model.ActionCheck, model.ActionDelete:
			a.results[i].Action = model.ActionLeave
			a.results[i].Message = "not done, since something before it failed or is waited for"
		}
	}
}

func (a *actor) run(ctx context.Context, steps []model.Step, batch []int) {
	var g errgroup.Group
	g.SetLimit(max(1, a.w.Parallel()))
	for _, i := range batch {
		if ctx.Err() != nil {
			a.results[i] = model.Result{Object: steps[i].Object, Action: steps[i].Action, Err: model.As(model.ErrTransient, context.Cause(ctx))}
			continue
		}
		g.Go(func() error {
			a.results[i] = a.step(ctx, steps[i])
			if a.opt.Wrote != nil {
				a.opt.Wrote(a.results[i])
			}
			return nil
		})
	}
	_ = g.Wait() // steps return their errors in their results
	a.done = append(a.done, batch...)
}

// step does one step. A panic of it is its own error.
func (a *actor) step(ctx context.Context, s model.Step) (r model.Result) {
	r = model.Result{Object: s.Object, Action: s.Action, Message: s.Reason}
	defer func() {
		if p := recover(); p != nil {
			r.Err = fmt.Errorf("internal error while writing %s: %v", s.Object.ObjectKey, p)
		}
	}()
	switch s.Action {
	case model.ActionCreate, model.ActionUpdate, model.ActionCheck:
		r.Live, r.Err = a.write(ctx, s)
	case model.ActionDelete:
		if a.opt.Prune && !a.opt.DryRun {
			r.Err = a.w.Delete(ctx, s.Object, a.opt.UIDs[s.Object.ObjectKey], cmp.Or(a.opt.Deletion, "Background"))
		} else {
			r.Action, r.Message = model.ActionLeave, "not deleted: pruning was not asked for"
		}
	case model.ActionRefuse:
		r.Err = model.As(model.ErrInvalid, errors.New(s.Reason))
	}
	return r
}

func (a *actor) write(ctx context.Context, s model.Step) (model.Live, error) {
	obj, ok := a.opt.Objects[s.Object.ObjectKey]
	if !ok {
		return model.Live{}, fmt.Errorf("internal error: the plan names %s, which is not among the objects", s.Object.ObjectKey)
	}
	live, err := a.w.Apply(ctx, obj, a.opt.Manager, model.Write{DryRun: a.opt.DryRun, Shared: s.Shared})
	if !errors.Is(err, model.ErrImmutable) || !a.opt.Recreate || a.opt.DryRun {
		return live, err
	}
	if err := a.w.Delete(ctx, s.Object, a.opt.UIDs[s.Object.ObjectKey], "Background"); err != nil {
		return model.Live{}, fmt.Errorf("deleting it to create it anew: %w", err)
	}
	return a.w.Apply(ctx, obj, a.opt.Manager, model.Write{})
}
