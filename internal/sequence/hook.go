package sequence

import (
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// hook judges a hook in one of its phases. What exists with the operation's mark
// is its run, whatever the results say.
func (w *walk) hook(t task, v *view) {
	r, known := w.results[t.resultKey()]
	live, exists := w.in.Live[t.Object.ObjectKey]
	created := known && r.Action != model.ActionDelete
	switch {
	case ended(r):
	case exists && ours(t, r, live):
		w.outcome(t, live, v)
	case exists && w.later(t, live):
		w.implied(t, live)
	case created:
		w.missing(t)
	case t.Action == model.ActionRefuse:
		w.refuse(t)
	case t.Action == model.ActionWait:
		v.unwritten = true
		v.waits = append(v.waits, unwritten(t))
	case !exists:
		w.start(t, v)
	default:
		w.replace(t, r, live, v)
	}
}

// ours reports whether the live object is the run of this phase.
func ours(t task, r model.Result, live model.Live) bool {
	ran := r.Action != model.ActionDelete && r.State == model.HookStateRunning
	return live.Operation == t.Mark || ran && live.UID != "" && r.Live.UID == live.UID
}

// later reports whether the live object is the run of a later phase.
func (w *walk) later(t task, live model.Live) bool {
	phase, same := strings.CutPrefix(live.Operation, w.in.Operation.Mark()+"/")
	n, ok := order[model.SyncPhase(phase)]
	return same && ok && n > order[t.Phase]
}

// implied learns of a hook that its name is in use by a later phase, which would
// not have begun, had this one not ended. Before SyncFail it may have failed.
func (w *walk) implied(t task, live model.Live) {
	if !strings.HasSuffix(live.Operation, "/"+string(model.PhaseSyncFail)) {
		w.learn(t, model.HookStateSucceeded, model.ActionCreate, "", nil)
	}
}

// outcome judges the run of a hook.
func (w *walk) outcome(t task, live model.Live, v *view) {
	state := stateOf(live)
	leaves := live.Terminating && !live.Held
	switch {
	case state == model.HookStateSucceeded && !leaves:
		w.learn(t, state, t.Action, live.Health.Message, nil)
		return
	case state == model.HookStateFailed && !leaves:
		w.bad(t, "failed", live.Health)
		return
	}
	if r, known := w.results[t.resultKey()]; !known || r.Action == model.ActionDelete {
		w.learn(t, model.HookStateRunning, model.ActionCreate, "is running", nil)
	}
	if leaves {
		v.waits = append(v.waits, deletion(t))
	} else {
		v.waits = append(v.waits, "waiting for completion of hook "+name(t.Object))
	}
}

// stateOf is how far a hook has come, by its health.
func stateOf(live model.Live) model.HookState {
	switch live.Health.Status {
	case "", model.Healthy:
		return model.HookStateSucceeded
	case model.Degraded, model.Unknown:
		return model.HookStateFailed
	}
	return model.HookStateRunning
}

// start creates a hook, or whatever is done first to what exists of its name.
func (w *walk) start(t task, v *view) {
	if !w.in.Recorded {
		v.record = true
	}
	v.do = append(v.do, t.Task)
}

// replace brings a hook to run of which an earlier run exists.
func (w *walk) replace(t task, r model.Result, live model.Live, v *view) {
	asked := r.Action == model.ActionDelete && r.Live.UID != "" && r.Live.UID == live.UID
	switch {
	case asked, live.Terminating && !live.Held:
		v.unwritten = true
		v.waits = append(v.waits, deletion(t))
	case live.Terminating, t.Traits.HookDelete.Has(model.BeforeHookCreation):
		if w.unrecorded() && strings.HasPrefix(live.Operation, w.in.Operation.Mark()+"/") {
			v.record = true // with the object goes all that tells of its run
		}
		t.Action, t.Recreate, t.UID = model.ActionDelete, true, live.UID
		t.Reason = "its earlier run has to go"
		w.start(t, v)
	default:
		t.Action = model.ActionUpdate
		w.start(t, v)
	}
}

// unfinished are the runs of hooks of some groups that have not ended.
func (w *walk) unfinished(groups []group) []task {
	var out []task
	for _, g := range groups {
		if !g.hooks() {
			continue
		}
		for _, t := range g.tasks {
			r := w.results[t.resultKey()]
			live, exists := w.in.Live[t.Object.ObjectKey]
			if t.role == hooking && exists && !ended(r) && ours(t, r, live) {
				out = append(out, t)
			}
		}
	}
	return out
}

// busy judges the runs of hooks of some groups, and names those of which something
// is really running.
func (w *walk) busy(groups []group) []string {
	var out []string
	for _, t := range w.unfinished(groups) {
		live := w.in.Live[t.Object.ObjectKey]
		w.outcome(t, live, &view{})
		if live.Busy && stateOf(live) == model.HookStateRunning {
			out = append(out, name(t.Object))
		}
	}
	return out
}

// strays name the runs of this operation's hooks that are really running and that the
// source, which has changed since, does not declare any more.
func (w *walk) strays() []string {
	declared := map[model.ObjectKey]bool{}
	for _, h := range w.in.Hooks {
		declared[h.Object.ObjectKey] = true
	}
	var out []string
	for key, live := range w.in.Live {
		leaves := live.Terminating && !live.Held
		if !declared[key] && live.Busy && !leaves && stateOf(live) == model.HookStateRunning &&
			strings.HasPrefix(live.Operation, w.in.Operation.Mark()+"/") {
			out = append(out, name(live.Ref))
		}
	}
	slices.Sort(out)
	return out
}

// running are the runs of this operation's hooks that go on, to be stopped.
func (w *walk) running() []Release {
	var out []Release
	for _, g := range w.all {
		if !g.hooks() {
			continue
		}
		for _, t := range g.tasks {
			live := w.in.Live[t.Object.ObjectKey]
			leaves := live.Terminating && !live.Held
			if t.role == hooking && live.Operation == t.Mark && !leaves && stateOf(live) == model.HookStateRunning {
				out = append(out, Release{Object: live.Ref, UID: live.UID, Delete: true})
			}
		}
	}
	sortReleases(out)
	return out
}
