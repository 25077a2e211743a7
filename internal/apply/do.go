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

// Do carries out tasks of one phase and wave. Those of one stage are done in
// parallel, lower stages first; what is not wanted any more is deleted after all
// writes, in the order given, and only if none of them failed. It goes on after an error
// otherwise, since objects are independent of each other.
//
// The results are in the order of the tasks. What was written or deleted is
// Running: whether it is healthy, finished or gone, others see. Of what was deleted
// Live has the UID. A declared object whose result is a delete is being created anew:
// once it is gone, it has to be written again.
func Do(ctx context.Context, w Writer, tasks []Task, opt Options) []model.Result {
	d := doer{w: w, opt: opt, tasks: tasks, results: make([]model.Result, len(tasks))}
	if opt.DryRun {
		d.coming = comingWith(opt.Objects)
	}
	for _, batch := range d.batches() {
		switch {
		case ctx.Err() != nil:
			d.cutOff(batch, context.Cause(ctx))
		case d.tasks[batch[0]].deletes() && d.failed():
			d.leave(batch)
		default:
			d.run(ctx, batch)
		}
	}
	return d.results
}

type doer struct {
	w       Writer
	opt     Options
	tasks   []Task
	results []model.Result
	coming  coming
}

// batches groups the tasks' indices: what may be done in parallel, in order.
func (d *doer) batches() [][]int {
	order := make([]int, len(d.tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := d.tasks[i], d.tasks[j]
		switch {
		case a.deletes() != b.deletes():
			return rank(a.deletes()) - rank(b.deletes())
		case a.deletes():
			return 0
		}
		return cmp.Compare(a.Stage, b.Stage)
	})
	var out [][]int
	for n, i := range order {
		same := n > 0 && d.tasks[order[n-1]].Stage == d.tasks[i].Stage && d.tasks[order[n-1]].deletes() == d.tasks[i].deletes()
		if !same {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

func (d *doer) failed() bool {
	return slices.ContainsFunc(d.results, func(r model.Result) bool { return r.Err != nil })
}

// blank is the result of a task before anything is done.
func (d *doer) blank(i int) model.Result {
	t := d.tasks[i]
	return model.Result{
		Object: t.Object, Action: t.Action, Message: t.Reason, Phase: t.Phase, Hook: t.Hook,
		Images: images(d.opt.Objects[t.Object.ObjectKey].JSON),
	}
}

func (d *doer) cutOff(batch []int, why error) {
	for _, i := range batch {
		d.results[i] = d.blank(i)
		d.results[i].Err, d.results[i].State = model.As(model.ErrTransient, why), model.HookStateFailed
	}
}

func (d *doer) leave(batch []int) {
	for _, i := range batch {
		d.results[i] = d.blank(i)
		d.results[i].Action = model.ActionLeave
		d.results[i].Message = "not done, since something before it failed"
	}
}

func (d *doer) run(ctx context.Context, batch []int) {
	var g errgroup.Group
	g.SetLimit(max(1, d.w.Parallel()))
	for _, i := range batch {
		if ctx.Err() != nil {
			d.cutOff([]int{i}, context.Cause(ctx))
			continue
		}
		g.Go(func() error {
			d.results[i] = d.task(ctx, i)
			if d.opt.Wrote != nil {
				d.opt.Wrote(d.results[i])
			}
			return nil
		})
	}
	_ = g.Wait() // tasks return their errors in their results
}

// task does one task. A panic of it is its own error.
func (d *doer) task(ctx context.Context, i int) (r model.Result) {
	t := d.tasks[i]
	defer func() {
		if p := recover(); p != nil {
			r = d.blank(i)
			r.Err = fmt.Errorf("internal error while writing %s: %v", t.Object.ObjectKey, p)
		}
		if r.Err != nil {
			r.State = model.HookStateFailed
		}
	}()
	r = d.blank(i)
	switch {
	case t.Recreate:
		return d.makeRoom(ctx, t, r)
	case t.deletes():
		return d.prune(ctx, t, r)
	}
	switch t.Action {
	case model.ActionCreate, model.ActionUpdate, model.ActionCheck:
		return d.write(ctx, t, r)
	case model.ActionRefuse:
		r.Err = model.As(model.ErrInvalid, errors.New(t.Reason))
	case model.ActionKeep, model.ActionLeave:
		r.State = model.HookStateSucceeded
	}
	return r
}

// makeRoom deletes what has the name of an object that is to be created anew.
func (d *doer) makeRoom(ctx context.Context, t Task, r model.Result) model.Result {
	r.Action = model.ActionDelete
	if d.opt.DryRun {
		r.State = model.HookStateSucceeded
		return r
	}
	r.Message = cmp.Or(t.Reason, "deleting what is left of an earlier one")
	r.State = model.HookStateRunning
	r.Live = model.Live{Ref: t.Object, UID: d.uid(t)}
	r.Err = d.w.Delete(ctx, t.Object, r.Live.UID, model.Background)
	return r
}

func (d *doer) prune(ctx context.Context, t Task, r model.Result) model.Result {
	switch {
	case !d.opt.Prune:
		r.Action, r.State, r.Message = model.ActionLeave, model.HookStateSucceeded, "not deleted: pruning was not asked for"
	case d.opt.DryRun:
		r.State, r.Message = model.HookStateSucceeded, "would be deleted (dry run)"
	default:
		r.State = model.HookStateRunning
		r.Live = model.Live{Ref: t.Object, UID: d.uid(t)}
		r.Err = d.w.Delete(ctx, t.Object, r.Live.UID, cmp.Or(d.opt.Deletion, model.Background))
	}
	return r
}

// uid is that of the object that exists; "" if nothing is known of one.
func (d *doer) uid(t Task) string { return cmp.Or(t.UID, d.opt.UIDs[t.Object.ObjectKey]) }
