package sequence

import (
	"cmp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The oracle says, without the machine, where each object of a world belongs, how
// an operation on it has to end, and what may not be done at a moment.

// rank is where a thing of the world belongs: phases as in order, and waves.
type rank struct{ phase, wave int }

func (r rank) before(o rank) bool { return cmp.Or(r.phase-o.phase, r.wave-o.wave) < 0 }

func hookRank(t *thing, p model.SyncPhase) rank { return rank{order[p], int(t.traits.Wave)} }

// rankOf is that of an object of the app's own, moved before what needs it.
func (w *world) rankOf(t *thing) rank {
	out := rank{order[model.PhaseSync], int(t.traits.Wave)}
	for _, o := range w.things {
		inside := t.ref.Kind == "Namespace" && o.ref.Namespace == t.ref.Name
		kind := t.ref.Kind == "CustomResourceDefinition" && o.ref.Kind == "Foo"
		if !o.own || !inside && !kind {
			continue
		}
		if r := (rank{order[model.PhaseSync], int(o.traits.Wave)}); r.before(out) {
			out = r
		}
	}
	return out
}

// phases are those that a hook runs in, SyncFail left out.
func (w *world) phases(t *thing) []model.SyncPhase {
	var out []model.SyncPhase
	for _, p := range t.traits.Hooks.List() {
		if !w.hookless && p != model.PhaseSyncFail {
			out = append(out, p)
		}
	}
	return out
}

// last reports whether a rank is the last one, and has no hooks: nothing of it is
// waited for.
func (w *world) last(r rank) bool {
	for _, t := range w.things {
		switch {
		case t.own && r.before(w.rankOf(t)):
			return false
		case w.goes(t) && (w.late(t) || r.before(rank{order[model.PhaseSync], w.topPrune})):
			return false
		}
		for _, p := range w.phases(t) {
			if !hookRank(t, p).before(r) {
				return false
			}
		}
	}
	return true
}

// failsAt is the first rank at which the operation fails.
func (w *world) failsAt() (first rank, fails bool) {
	at := func(r rank) {
		if !fails || r.before(first) {
			first, fails = r, true
		}
	}
	for _, t := range w.things {
		needed := t.own && (!t.exists || !t.synced)
		switch {
		case needed && t.refuse:
			at(w.rankOf(t))
		case t.own && t.fate == model.Degraded && !t.traits.IgnoreHealth && !w.last(w.rankOf(t)):
			at(w.rankOf(t))
		}
		for _, p := range w.phases(t) {
			if t.fates[p] != model.Healthy {
				at(hookRank(t, p))
			}
		}
	}
	return first, fails
}

// permits notes what of a task is out of order.
func (w *world) permits(t Task) {
	thing := w.thing(t.Object.ObjectKey)
	switch {
	case t.Hook && t.Phase == model.PhaseSyncFail:
		return
	case t.Hook:
		w.reached(hookRank(thing, t.Phase), t)
	case t.Action == model.ActionDelete:
		w.mayGo(thing)
	default:
		w.reached(w.rankOf(thing), t)
	}
}

// reached notes what has to be done before anything of a rank, and is not.
func (w *world) reached(r rank, task Task) {
	op, _, _ := strings.Cut(task.Mark, "/")
	for _, t := range w.things {
		switch {
		case t.own && w.rankOf(t).before(r) && !w.done(t):
			w.wrong("%s of %v is begun before %s is done", task.Object.Name, r, t.ref.Name)
		case w.goes(t) && t.exists && w.pruneRank(t).before(r):
			w.wrong("%s of %v is begun before %s is gone", task.Object.Name, r, t.ref.Name)
		}
		for _, p := range w.phases(t) {
			if task.Hook && hookRank(t, p).before(r) && w.ended[op+"/"+string(p)+" "+t.ref.Name] != model.Healthy {
				w.wrong("%s of %v is begun before hook %s of %s has succeeded", task.Object.Name, r, t.ref.Name, p)
			}
		}
	}
}

func (w *world) pruneRank(t *thing) rank {
	if w.late(t) {
		return rank{order[model.PhaseSync], 1000}
	}
	return rank{order[model.PhaseSync], w.topPrune}
}

func (w *world) done(t *thing) bool {
	healthy := t.live.Health.Status == "" || t.live.Health.Status == model.Healthy || t.traits.IgnoreHealth
	return t.exists && t.synced && healthy
}

// mayGo notes what keeps an object from being deleted now.
func (w *world) mayGo(t *thing) {
	if t.own || t.hook() || t.leave || t.traits.Prune == model.ConsentConfirm && !w.approved {
		w.wrong("%s may not be deleted", t.ref.Name)
	}
	for _, o := range w.things {
		switch {
		case o.own && !w.pruneRank(t).before(w.rankOf(o)) && (!o.exists || !o.synced):
			w.wrong("%s is deleted before %s is written", t.ref.Name, o.ref.Name)
		case w.goes(o) && o.exists && w.late(o) == w.late(t) && o.traits.Wave > t.traits.Wave,
			w.goes(o) && o.exists && !w.late(o) && w.late(t):
			w.wrong("%s is deleted before %s is gone", t.ref.Name, o.ref.Name)
		}
	}
}

// finished notes what is not as it has to be at the end.
func (w *world) finished(op model.Operation, fails bool, at rank) {
	if want := map[bool]model.Phase{true: model.PhaseFailed, false: model.PhaseSucceeded}[fails]; op.Phase != want {
		w.wrong("the operation ended %s: %s", op.Phase, op.Message)
	}
	for _, t := range w.things {
		if t.exists && t.live.Held {
			w.wrong("%s is held for ever", t.ref.Name)
		}
		if t.hook() && t.exists && t.live.Health.Status == model.Progressing && !t.live.Terminating {
			w.wrong("hook %s goes on", t.ref.Name)
		}
		switch {
		case fails:
			if t.own && at.before(w.rankOf(t)) && w.writes[t.ref.Name] {
				w.wrong("%s was written after the failure", t.ref.Name)
			}
		case t.own && (!t.exists || !t.synced):
			w.wrong("%s is not written", t.ref.Name)
		case w.goes(t) && t.exists:
			w.wrong("%s is not gone", t.ref.Name)
		case t.hook():
			w.ran(t, op)
		}
	}
}

// ran notes what is wrong with a hook after an operation that succeeded.
func (w *world) ran(t *thing, op model.Operation) {
	phases := w.phases(t)
	for _, p := range phases {
		if w.runs[op.Mark()+"/"+string(p)+" "+t.ref.Name] != 1 {
			w.wrong("hook %s did not run once in %s", t.ref.Name, p)
		}
	}
	if len(phases) == 0 {
		return
	}
	stays := !t.traits.HookDelete.Has(model.HookSucceeded)
	if t.exists && !t.live.Terminating != stays {
		w.wrong("hook %s: existence is %v after success", t.ref.Name, t.exists)
	}
}
