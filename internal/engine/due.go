package engine

import (
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// due says which sync to run now, if any.
func (r *run) due() (model.Request, bool) {
	op := r.s.op
	if op != nil && op.Phase == model.PhaseRunning {
		return r.goOn(op), true
	}
	if req := r.request; req != nil && req.ID != r.s.handled && r.hasLooked(*req) {
		return *req, true
	}
	if again := r.s.onceMore; again != nil {
		r.s.onceMore = nil
		return *again, true
	}
	if op != nil && op.Request.DryRun && failed(op) && r.sameAttempt(op) {
		if again, ok := r.retry(op); ok {
			return again, true
		}
	}
	op = r.s.real // a dry run neither was a sync nor stands in the way of one
	if back, ok := r.rollback(op); ok {
		return back, true
	}
	if op != nil && failed(op) && r.sameAttempt(op) {
		return r.retry(op)
	}
	if !r.app.Sync.Auto || !r.actionable() || r.isGivenUp() {
		return model.Request{}, false
	}
	if op == nil || !r.sameAttempt(op) {
		return model.Request{Retry: r.app.Sync.Retry, Prune: r.app.Sync.Prune}, true
	}
	if !r.app.Sync.SelfHeal && !r.onlyPrunes() {
		return model.Request{}, false
	}
	return r.heal()
}

func failed(op *model.Operation) bool {
	return op.Phase == model.PhaseFailed || op.Phase == model.PhaseError
}

// actionable reports whether an automated sync would do anything or has to tell
// why it can't.
func (r *run) actionable() bool {
	for _, s := range r.plan.Steps {
		switch s.Action {
		case model.ActionCreate, model.ActionUpdate, model.ActionCheck, model.ActionWait, model.ActionRefuse:
			return true
		case model.ActionDelete:
			if r.app.Sync.Prune {
				return true
			}
		}
	}
	return false
}

// onlyPrunes reports whether deletes are all that is left to do, as after a
// sync that was interrupted before them.
func (r *run) onlyPrunes() bool {
	for _, s := range r.plan.Steps {
		if s.Action != model.ActionKeep && s.Action != model.ActionLeave && s.Action != model.ActionDelete {
			return false
		}
	}
	return r.plan.Count(model.ActionDelete) > 0
}

// goOn is the request of the operation under way. Where something newer is wanted
// it begins nothing more and ends: at once, or when a hook of it that is running
// has done its work.
func (r *run) goOn(op *model.Operation) model.Request {
	next := *op
	next.Terminating = next.Terminating || r.s.endAsked(*op)
	switch {
	case r.overtaken != "":
		next.Superseded = r.overtaken
	case !r.sameAttempt(op) && !r.sameContent(op):
		next.Superseded = model.Short(r.commit())
		if op.Revision == r.commit() {
			next.Superseded += " with other settings"
		}
	case r.request != nil && r.request.ID != r.s.handled && r.request.ID != op.Request.ID:
		next.Superseded = "of another request"
	default:
		next.Superseded = ""
		r.healMore(&next)
	}
	r.setOp(&next)
	return next.Request
}

// healMore takes into a repair that waits for something what has drifted since.
func (r *run) healMore(op *model.Operation) {
	if !op.Request.Heal {
		return
	}
	more, ok := r.heal()
	if !ok {
		return
	}
	again := map[model.ObjectKey]bool{}
	op.Request.Only = slices.Clone(op.Request.Only)
	for _, key := range more.Only {
		again[key] = true
		if !slices.Contains(op.Request.Only, key) {
			op.Request.Only = append(op.Request.Only, key)
		}
	}
	op.Results = slices.DeleteFunc(slices.Clone(op.Results), func(res model.Result) bool {
		return again[res.Object.ObjectKey] && res.State == model.HookStateSucceeded
	})
}

// retry repeats a failed sync when its pause is over, or when what stood in its
// way is gone.
func (r *run) retry(op *model.Operation) (model.Request, bool) {
	if r.s.endAsked(*op) && !op.Terminating {
		over := *op
		over.Terminating = true
		r.setOp(&over)
		op = &over
	}
	if op.Terminating || op.Superseded != "" || (op.Phase == model.PhaseError && op.Request.Pin != nil) {
		return model.Request{}, false
	}
	if !r.cleared(op) {
		if !r.retries(op) || r.refusal(op.Request) != nil {
			return model.Request{}, false
		}
		if wait := op.Finished.Add(r.pause(op)).Sub(r.now); wait > 0 {
			r.again(wait)
			return model.Request{}, false
		}
	}
	again := *op
	again.Phase = model.PhaseRunning
	again.Retries++
	passing := op.FailedInPassing()
	again.Results = slices.DeleteFunc(slices.Clone(op.Results), func(res model.Result) bool {
		if passing && hasRun(res) {
			return false // what failed has nothing to do with it
		}
		return res.Hook || res.Err != nil || res.State == model.HookStateFailed || res.Action == model.ActionRefuse
	})
	for i := range again.Results {
		if !again.Results[i].Hook {
			again.Results[i].State = model.HookStateNone
		}
	}
	r.setOp(&again)
	return again.Request, true
}

// hasRun reports whether a result is of a hook that has done its work.
func hasRun(res model.Result) bool {
	return res.Hook && res.State == model.HookStateSucceeded && res.Phase != model.PhaseSyncFail && res.Action != model.ActionDelete
}

// cleared reports whether what could not be done then can be now: all of it, or
// an object that could not be written.
func (r *run) cleared(op *model.Operation) bool {
	if op.Phase == model.PhaseError && len(op.Results) == 0 {
		return r.refusal(op.Request) == nil
	}
	refused := map[model.ObjectKey]bool{}
	for _, res := range op.Results {
		if res.Action == model.ActionRefuse {
			refused[res.Object.ObjectKey] = true
		}
	}
	for _, s := range r.plan.Steps {
		// The scope of a kind that was not served could only be guessed.
		guessed := s.Object.ObjectKey
		guessed.Namespace = ""
		if (refused[s.Object.ObjectKey] || refused[guessed]) && (s.Action == model.ActionCreate || s.Action == model.ActionUpdate) {
			return true
		}
	}
	return r.hooksCleared(*op, refused)
}

// hooksCleared reports whether a hook that could not be made can be now.
func (r *run) hooksCleared(op model.Operation, refused map[model.ObjectKey]bool) bool {
	if len(refused) == 0 {
		return false
	}
	hooks, _, err := r.hooks(op)
	return err == nil && slices.ContainsFunc(hooks, func(h sequence.Hook) bool {
		guessed := h.Object.ObjectKey
		guessed.Namespace = ""
		return h.Action == "" && (refused[h.Object.ObjectKey] || refused[guessed])
	})
}

// retries reports whether the sync is to be repeated. One that failed for
// causes that pass is repeated in any case.
func (r *run) retries(op *model.Operation) bool {
	limit := op.Request.Retry.Limit
	return op.FailedInPassing() || limit < 0 || op.Retries < limit
}

func (r *run) pause(op *model.Operation) time.Duration {
	if op.FailedInPassing() {
		return backoff(op.Retries)
	}
	if wait := op.Request.Retry.Wait(op.Retries); wait > 0 {
		return wait
	}
	return backoff(op.Retries) // no back-off was asked for: not at full speed
}
