package sequence

import (
	"errors"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// pruned is the message of an object that was deleted.
const pruned = "pruned"

// write judges an object of the app's own.
func (w *walk) write(t task, healthy bool, v *view) {
	r, known := w.results[ownKey(t.Object)]
	written := known && r.State == model.HookStateRunning && r.Action != model.ActionDelete
	switch {
	case ended(r):
	case known && w.leaving(t, r):
		v.unwritten = true
		v.waits = append(v.waits, deletion(t))
	case written || t.Action == model.ActionKeep:
		w.settle(t, written, healthy, v)
	case t.Action == model.ActionRefuse:
		w.refuse(t)
	case t.Action == model.ActionWait:
		v.unwritten = true
		v.waits = append(v.waits, unwritten(t))
	default:
		v.do = append(v.do, t.Task)
	}
}

// leaving reports whether an object that was deleted to be created anew still exists.
func (w *walk) leaving(t task, r model.Result) bool {
	live, exists := w.in.Live[t.Object.ObjectKey]
	return exists && r.Action == model.ActionDelete && (live.Terminating || live.UID == r.Live.UID)
}

// settle judges an object that is as declared: it counts as done once it is
// healthy, or at once where its group does not ask for that.
func (w *walk) settle(t task, written, healthy bool, v *view) {
	live, exists := w.in.Live[t.Object.ObjectKey]
	done := func() { w.learn(t, model.HookStateSucceeded, t.Action, settled(written), nil) }
	switch {
	case !healthy || t.Traits.IgnoreHealth || !exists && !written:
		done()
	case !exists:
		w.missing(t)
	case live.Terminating && !live.Held:
		v.waits = append(v.waits, deletion(t))
	case live.Health.Status == "" || live.Health.Status == model.Healthy:
		done()
	case live.Health.Status == model.Degraded:
		w.bad(t, "is degraded", live.Health)
	default:
		v.waits = append(v.waits, explained("waiting for healthy state of "+name(t.Object), live.Health))
	}
}

// settled is the message of an object that had to be written, which its result has
// already, or had not.
func settled(written bool) string {
	if written {
		return ""
	}
	return "in sync"
}

// remove fills in what of a group goes now: of the removals that are left those of
// the highest wave.
func (w *walk) remove(g group, v *view) {
	var tasks []task
	for _, t := range g.tasks {
		if t.role == removing {
			tasks = append(tasks, t)
		}
	}
	slices.SortStableFunc(tasks, func(a, b task) int { return b.Wave - a.Wave })
	for i, t := range tasks {
		if i > 0 && tasks[i-1].Wave != t.Wave && len(v.do)+len(v.waits)+len(v.confirms) > 0 {
			break
		}
		w.removal(t, v)
	}
	slices.SortStableFunc(v.do, func(a, b Task) int { return b.Stage - a.Stage })
	w.move.Do = v.do
}

// removal judges an object that has to go.
func (w *walk) removal(t task, v *view) {
	r, known := w.results[ownKey(t.Object)]
	live, exists := w.in.Live[t.Object.ObjectKey]
	gone := !exists || known && !live.Terminating && r.Live.UID != "" && r.Live.UID != live.UID
	switch {
	case ended(r):
	case gone:
		w.learn(t, model.HookStateSucceeded, model.ActionDelete, pruned, nil)
	case live.Terminating && !known:
		w.learn(t, model.HookStateRunning, model.ActionDelete, "is being deleted", nil)
		v.waits = append(v.waits, deletion(t))
	case live.Terminating, t.Action == model.ActionWait, known && r.Live.UID != "":
		v.waits = append(v.waits, deletion(t))
	case w.consent(t) == model.ConsentConfirm && !w.approved():
		v.confirms = append(v.confirms, confirmation(t))
	default:
		v.do = append(v.do, t.Task)
	}
}

func (w *walk) consent(t task) model.Consent {
	if w.in.Deleting {
		return t.Traits.Delete
	}
	return t.Traits.Prune
}

// approved reports whether somebody has agreed since it could be asked; annotations
// have no fractions of seconds.
func (w *walk) approved() bool {
	return !w.in.Approved.IsZero() && w.in.Approved.Unix() >= w.in.Since.Unix()
}

// refuse fails a task that can't be done.
func (w *walk) refuse(t task) {
	w.learn(t, model.HookStateFailed, t.Action, t.Reason, model.As(model.ErrInvalid, errors.New(t.Reason)))
}

// missing fails a task whose object has vanished.
func (w *walk) missing(t task) {
	const text = "is missing: it was deleted while the sync waited for it"
	w.learn(t, model.HookStateFailed, t.Action, text, errors.New(text))
}

// bad fails a task because of its object's health.
func (w *walk) bad(t task, how string, h model.Health) {
	text := explained(how, h)
	w.learn(t, model.HookStateFailed, t.Action, text, errors.New(text))
}
