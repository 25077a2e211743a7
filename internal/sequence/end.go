package sequence

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fail brings an operation to its end of which something has failed: nothing new is
// begun but what else is to be written in the group of the failure, hooks that are
// really running end by themselves, and then those of SyncFail run.
func (w *walk) fail(g group) Move {
	if w.beside(g) {
		return w.move
	}
	if w.lingers(w.regular(), "a task failed") {
		return w.move
	}
	if w.in.Operation.Superseded == "" {
		for _, g := range w.all[len(w.regular()):] {
			finished := w.visit(g, true)
			if len(w.failedLate) > 0 {
				break
			}
			if !finished {
				return w.move
			}
		}
	}
	if w.lingers(w.all, "a task failed") {
		return w.move
	}
	return w.end(model.PhaseFailed, w.failures())
}

// beside reports whether a failure is of the group, and objects of it are still to
// be written: they don't depend on each other.
func (w *walk) beside(g group) bool {
	failed := slices.ContainsFunc(g.tasks, func(t task) bool {
		return w.results[t.resultKey()].State == model.HookStateFailed
	})
	w.still()
	if failed {
		w.move.Do = slices.DeleteFunc(w.open, func(t Task) bool { return t.Hook })
	}
	return len(w.move.Do) > 0
}

// lingers reports whether hooks are really running, and waits for them alone.
func (w *walk) lingers(groups []group, why string) bool {
	w.still()
	for _, hook := range append(w.busy(groups), w.strays()...) {
		w.move.Waits = append(w.move.Waits, why+"; waits for hook "+hook+", which is running, to end")
	}
	w.move.Waits = shortened(w.move.Waits)
	return len(w.move.Waits) > 0
}

// still takes back what was to be done.
func (w *walk) still() {
	w.move.Do, w.move.Waits, w.move.Record, w.move.Confirm = nil, nil, false, false
}

// supersede brings an operation to its end whose outcome nobody wants any more,
// unless all of it is done.
func (w *walk) supersede() Move {
	text := "superseded by revision " + w.in.Operation.Superseded
	if w.stopping || w.in.Operation.Request.DryRun {
		return w.end(model.PhaseFailed, text)
	}
	if m := w.run(); m.Ended != "" {
		return m
	}
	if w.lingers(w.all, text) {
		return w.move
	}
	return w.end(model.PhaseFailed, text)
}

// stopped is the message of a hook whose operation ended first. It tells that the
// operation was at its end.
const stopped = "was stopped, since the operation ended before it"

// end ends the operation: hooks that have not ended are stopped. With their objects
// goes what tells of their runs, so that the results are recorded first, where that
// is done at all.
func (w *walk) end(phase model.Phase, message string) Move {
	w.busy(w.all)
	w.still()
	for _, t := range w.unfinished(w.all) {
		w.learn(t, model.HookStateFailed, t.Action, stopped, errors.New(stopped))
	}
	stop := w.running()
	if len(stop) > 0 && w.unrecorded() {
		w.move.Record = true
		w.move.Waits = []string{"waiting for the end of the operation to be recorded: " + message}
		return w.move
	}
	w.move.Ended, w.move.Message, w.move.Stop = phase, message, stop
	return w.move
}

// unrecorded reports whether a restart would find less than what is known now.
func (w *walk) unrecorded() bool {
	return !w.in.Deleting && (w.in.Unrecorded || len(w.move.Learnt) > 0)
}

func sortReleases(releases []Release) {
	slices.SortFunc(releases, func(a, b Release) int { return a.Object.Compare(b.Object.ObjectKey) })
}

// failures is the message of an operation that has failed.
func (w *walk) failures() string {
	what := "one or more synchronization tasks completed unsuccessfully: "
	if w.in.Deleting {
		what = "the deletion failed: "
	}
	text := what + cmp.Or(strings.Join(shortened(w.failed), "; "), "it was so before the controller was started again")
	if len(w.failedLate) > 0 {
		text += "; SyncFail hooks failed too: " + strings.Join(shortened(w.failedLate), "; ")
	}
	return text
}

// rehearse goes through all groups of a dry run: nothing is waited for, deleted, or
// run, and a failure stops nothing.
func (w *walk) rehearse() Move {
	w.aside()
	for _, g := range w.regular() {
		w.move.Phase, w.move.Wave = g.at.phase, g.at.wave
		for _, t := range g.tasks {
			w.pretend(t)
		}
		if len(w.move.Do) > 0 {
			sortWrites(w.move.Do)
			return w.move
		}
	}
	if len(w.failed) > 0 {
		return w.end(model.PhaseFailed, w.failures())
	}
	return w.end(model.PhaseSucceeded, w.success("dry run"))
}

// pretend does of a task what a dry run does.
func (w *walk) pretend(t task) {
	r, known := w.results[t.resultKey()]
	switch {
	case ended(r):
	case t.Action == model.ActionRefuse:
		w.refuse(t)
	case t.role == hooking:
		w.learn(t, model.HookStateSucceeded, t.Action, "would run in "+string(t.Phase), nil)
	case t.role == removing:
		w.learn(t, model.HookStateSucceeded, model.ActionDelete, pruned, nil)
	case known:
		w.learn(t, model.HookStateSucceeded, t.Action, "", nil)
	case t.Action == model.ActionKeep:
		w.learn(t, model.HookStateSucceeded, t.Action, settled(false), nil)
	case t.Action == model.ActionWait:
		w.learn(t, model.HookStateSucceeded, t.Action, t.Reason, nil)
	default:
		w.move.Do = append(w.move.Do, t.Task)
	}
}
