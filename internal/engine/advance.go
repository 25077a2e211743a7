package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// advance takes an operation as far as it goes now: to its end, or to where
// something has to happen first that an event will tell of.
func (r *run) advance(ctx context.Context, op *model.Operation) error {
	for {
		r.s.awaitRecord(true) // before it is read whether there is one
		in, hooks, err := r.sequenceInput(*op)
		if err != nil {
			return r.finishOp(op, model.PhaseError, err.Error(), err)
		}
		move := sequence.Next(in)
		r.learn(op, move.Learnt)
		r.s.awaitRecord(move.Record)
		switch {
		case move.Ended != "":
			if err := r.letGo(ctx, move.Stop); err != nil {
				return err
			}
			return r.finishOp(op, move.Ended, move.Message, nil)
		case len(move.Do) == 0:
			op.Message = waitingText(move)
			r.setOp(op)
			return r.expire(op)
		}
		err = r.perform(ctx, op, move, hooks)
		switch {
		case errors.Is(err, model.ErrDenied), errors.Is(err, model.ErrInvalid): // no event will change that
			return r.finishOp(op, model.PhaseError, err.Error(), err)
		case err != nil:
			return err
		}
	}
}

// waitingText says what an operation waits for.
func waitingText(m sequence.Move) string {
	if m.Record && len(m.Waits) == 0 {
		return "waiting for the beginning of the operation to be recorded"
	}
	text := strings.Join(m.Waits[:min(shown, len(m.Waits))], "; ")
	if n := len(m.Waits) - shown; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text
}

// perform does the tasks of a move and notes what came of them.
func (r *run) perform(ctx context.Context, op *model.Operation, move sequence.Move, hooks map[model.ObjectKey]model.Object) error {
	objects, err := r.respected(ctx, move.Do)
	if err != nil {
		return err
	}
	maps.Copy(objects, hooks)
	actx := r.s.begin(ctx, r.supersedable())
	opt, learnt := r.options(op.Request, objects), &lessons{r: r, ctx: actx, before: written(op.Results)}
	if !op.Request.DryRun {
		opt.Wrote = learnt.add
	}
	results := r.do(actx, move.Do, opt)
	cut := actx.Err() != nil && ctx.Err() == nil
	r.s.end()
	learnt.flush()
	r.compare()
	if cut || ctx.Err() != nil {
		// What was cut off may have been done or not: the next look tells.
		r.learn(op, slices.DeleteFunc(results, func(res model.Result) bool { return res.Err != nil }))
		r.setOp(op)
		r.e.queue.Add(r.app.Key)
		return errPending
	}
	r.learn(op, results)
	r.setOp(op)
	return nil
}

// performRemoval does the tasks of a move of the app's own deletion.
func (r *run) performRemoval(ctx context.Context, op *model.Operation, move sequence.Move, hooks map[model.ObjectKey]model.Object) error {
	opt := apply.Options{
		Objects: hooks, UIDs: r.uids(), Manager: r.app.Manager, Deletion: r.app.Deletion, Prune: true,
	}
	r.learn(op, r.do(ctx, move.Do, opt))
	if ctx.Err() != nil {
		return errPending
	}
	r.liveHooks = nil
	if r.app.Deletion != model.Orphan {
		r.compare()
	}
	return nil
}

func (r *run) uids() map[model.ObjectKey]string {
	out := map[model.ObjectKey]string{}
	for _, l := range r.input.Owned {
		out[l.Ref.ObjectKey] = l.UID
	}
	return out
}

// supersedable is the revision whose successor cuts an act short; "" if none does.
func (r *run) supersedable() string {
	if r.pin != nil {
		return ""
	}
	return r.commit()
}

// do does tasks. What is deleted to run anew is let go of as well.
func (r *run) do(ctx context.Context, tasks []sequence.Task, opt apply.Options) []model.Result {
	results := apply.Do(ctx, r.target, tasksOf(tasks), opt)
	for i, t := range tasks {
		if t.Recreate && results[i].Err == nil && !opt.DryRun {
			results[i].Err = r.target.Release(ctx, t.Object, t.UID)
		}
	}
	return results
}

func tasksOf(tasks []sequence.Task) []apply.Task {
	out := make([]apply.Task, len(tasks))
	for i, t := range tasks {
		out[i] = apply.Task{Step: t.Step, Phase: t.Phase, Hook: t.Hook, Mark: t.Mark, Recreate: t.Recreate, UID: t.UID}
	}
	return out
}

// learn lays results over what an operation knows already.
func (r *run) learn(op *model.Operation, results []model.Result) {
	if len(results) > 0 {
		op.Results = mergeResults(op.Results, results)
	}
}

// sequenceInput is what the next move of an operation depends on, and the hooks'
// objects.
func (r *run) sequenceInput(op model.Operation) (sequence.Input, map[model.ObjectKey]model.Object, error) {
	hooks, objects, err := r.hooks(op)
	if err != nil {
		return sequence.Input{}, nil, err
	}
	op.Terminating = op.Terminating || r.s.expired.mark == op.Mark()
	in := sequence.Input{
		Plan: r.selected(op.Request), Hooks: hooks, Operation: op, Deleting: r.app.Deleting,
		Declared: make(map[model.ObjectKey]bool, len(r.input.Desired)), Live: maps.Clone(r.input.Live),
		Recorded: r.s.isRecorded(op), Partial: len(op.Request.Only) > 0 || op.Request.Heal,
		Approved: r.app.Approved, Since: op.Started, Unrecorded: r.s.unrecorded(op),
	}
	if r.app.Deleting {
		in.Since, in.Recorded, in.Unrecorded = r.app.Since, true, false
	}
	for _, d := range r.input.Desired {
		in.Declared[d.ObjectKey] = true
	}
	for _, l := range r.input.Owned {
		in.Live[l.Ref.ObjectKey] = l
	}
	maps.Copy(in.Live, r.ownedHooks())
	for key := range objects {
		if live, ok := r.target.Live(key, r.app.Key, r.app.Manager); ok {
			in.Live[key] = live
		}
	}
	return in, objects, nil
}

// expire ends an attempt that takes longer than the app allows.
func (r *run) expire(op *model.Operation) error {
	limit := r.app.Sync.Timeout
	if limit <= 0 || op.Terminating || r.s.expired.mark == op.Mark() {
		return nil
	}
	if r.s.waits.mark != op.Mark() {
		r.s.waits = waiting{op.Mark(), op.Started}
		if op.Retries > 0 {
			r.s.waits.since = r.now
		}
	}
	if left := r.s.waits.since.Add(limit).Sub(r.now); left > 0 {
		r.again(left)
		return nil
	}
	r.s.expired = expiry{op.Mark(), fmt.Sprintf("timeout after %s: %s", limit, op.Message)}
	r.e.queue.Add(r.app.Key)
	return nil
}

// waiting is which attempt waits for something, and since when.
type waiting struct {
	mark  string
	since time.Time
}

// expiry is which attempt took too long, and what it waited for then.
type expiry struct{ mark, why string }
