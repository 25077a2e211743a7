package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// teardownPause is how long after a failure a deletion is tried again, if no
// event comes before: what stands in its way may send none.
const teardownPause = 30 * time.Second

// plainDeletion is how long a deletion may wait before that is told as a hindrance.
const plainDeletion = 10 * time.Second

// teardown deletes the objects of an app that is being deleted, with its hooks
// before and after. It ends the reconcile; for other apps it does nothing.
func (r *run) teardown(ctx context.Context) error {
	if !r.app.Deleting {
		return nil
	}
	if err := r.stopRunning(ctx); err != nil {
		return err
	}
	if r.app.Deletion == model.Orphan && !r.app.DeleteHooks {
		r.report.Deleted = true
		return errDone
	}
	r.desired = &desired{byKey: map[model.ObjectKey]model.Object{}}
	if err := r.hooksOfDeletion(ctx); err != nil {
		return err
	}
	// What it declared is still claimed: others must not mistake it for theirs
	// while it goes. Marks tell what is the app's.
	if err := r.ensure(); err != nil {
		return err
	}
	r.target.Claim(r.app.Key, nil, r.desired.hookKeys())
	if err := letGoOf(ctx, r.target, r.heldBefore()); err != nil {
		return err
	}
	r.compare()
	return r.remove(ctx)
}

// stopRunning ends the operation that was under way when the app's deletion began,
// and its hooks.
func (r *run) stopRunning(ctx context.Context) error {
	op := r.s.op
	if op == nil || op.Phase != model.PhaseRunning {
		return nil
	}
	over := *op
	over.Phase, over.Message, over.Finished = model.PhaseFailed, "the app is being deleted", r.now
	r.setOp(&over)
	r.desired = &desired{byKey: map[model.ObjectKey]model.Object{}}
	r.compare()
	in, _, err := r.sequenceInput(over)
	if err != nil {
		return err
	}
	in.Deleting = false
	return r.letGo(ctx, sequence.Releases(in))
}

// hooksOfDeletion finds the hooks of an app that says that it has some: those of
// its newest content, or where that can't be had of what was deployed last.
func (r *run) hooksOfDeletion(ctx context.Context) error {
	if !r.app.DeleteHooks {
		return nil
	}
	err := r.renderNewest(ctx)
	if err != nil && !errors.Is(err, errPending) && r.e.cfg.History != nil {
		if last, kept := r.e.cfg.History.Newest(r.app.Key); kept == nil {
			err = r.pinKept(last)
		}
	}
	switch {
	case errors.Is(err, errPending):
		return err
	case err != nil:
		r.report.Blocking = []string{fmt.Sprintf("the hooks of its deletion are not known: %v: mend the source, "+
			"or take the finalizers pre-delete-finalizer and post-delete-finalizer off to go without them", err)}
		return fmt.Errorf("finding the hooks of the deletion: %w", err)
	}
	// Of what is declared only the hooks matter any more.
	only := *r.desired
	only.objects, only.byKey = nil, map[model.ObjectKey]model.Object{}
	r.desired = &only
	return nil
}

// heldBefore are the hooks that a sync has made and nobody has let go of.
func (r *run) heldBefore() []model.Live {
	return slices.DeleteFunc(slices.Collect(maps.Values(hooksAmong(r.target.Owned(r.app.Key, r.app.Manager)))), isOfDeletion)
}

// remove takes the deletion as far as it goes now.
func (r *run) remove(ctx context.Context) error {
	if r.app.Deletion == model.Orphan {
		r.plan, r.input.Owned = model.Plan{}, nil // objects stay; hooks run all the same
	}
	op := r.s.removal
	if op == nil {
		op = &model.Operation{
			Request: model.Request{ID: "delete", Prune: true}, Started: r.app.Since, Revision: r.commit(), Phase: model.PhaseRunning,
		}
	}
	next := *op
	for {
		in, hooks, err := r.sequenceInput(next)
		if err != nil {
			return err
		}
		move := sequence.Next(in)
		r.learn(&next, move.Learnt)
		r.s.removal = &next
		switch {
		case move.Ended == model.PhaseSucceeded:
			return r.removed(ctx, in)
		case move.Ended != "":
			return r.removeAgain(ctx, &next, in, move)
		case len(move.Do) == 0:
			return r.removing(move)
		}
		if err := r.performRemoval(ctx, &next, move, hooks); err != nil {
			return err
		}
	}
}

// removed lets go of the hooks and reports the app as deleted.
func (r *run) removed(ctx context.Context, in sequence.Input) error {
	in.Operation.Phase = model.PhaseSucceeded
	if err := r.letGo(ctx, sequence.Releases(in)); err != nil {
		return err
	}
	r.report.Deleted = true
	r.e.cfg.Log.Info("app is deleted with its objects", "app", r.app.Key)
	return errDone
}

// removeAgain begins a deletion that failed once more after a pause: nothing that
// it asks for may be left out.
func (r *run) removeAgain(ctx context.Context, op *model.Operation, in sequence.Input, move sequence.Move) error {
	in.Operation.Phase, in.Operation.Results = model.PhaseFailed, op.Results
	err := errors.Join(r.letGo(ctx, move.Stop), r.letGo(ctx, sequence.Releases(in)))
	r.s.removal = &model.Operation{
		Request: op.Request, Started: op.Started, Revision: op.Revision, Phase: model.PhaseRunning, Retries: op.Retries + 1,
	}
	r.again(teardownPause)
	r.report.Blocking = []string{move.Message}
	failed := failures(op.Results)
	if len(failed) > 0 {
		return errors.Join(fmt.Errorf("deleting the app's objects: %w", failureOf(failed, move.Message)), err)
	}
	return errors.Join(fmt.Errorf("deleting the app's objects: %s", move.Message), err)
}

// removing reports what the deletion waits for.
func (r *run) removing(move sequence.Move) error {
	if left := r.app.Since.Add(plainDeletion).Sub(r.now); move.Confirm || left <= 0 {
		r.report.Blocking = []string{waitingText(move)}
	} else {
		r.again(left)
	}
	r.report.Resources = r.resources()
	r.report.Health = model.Health{Status: model.Progressing, Message: "being deleted"}
	return errors.New(strings.TrimSpace(waitingText(move)))
}
