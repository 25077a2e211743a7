package sequence

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Next says what comes next in the operation. It is to be asked again whenever what
// it has said to do is done, and whenever something that it waits for has changed.
func Next(in Input) Move {
	w := &walk{in: in, results: make(map[resultKey]model.Result, len(in.Operation.Results)), learnt: map[resultKey]int{}}
	for _, r := range in.Operation.Results {
		w.note(r)
	}
	w.all = w.groups()
	switch op := in.Operation; {
	case op.Terminating:
		return w.end(model.PhaseFailed, "Operation terminated")
	case in.Plan.Blocked != nil:
		return w.end(model.PhaseError, in.Plan.Blocked.Error())
	case op.Superseded != "":
		return w.supersede()
	case w.stopping:
		return w.end(model.PhaseFailed, w.failures())
	case op.Request.DryRun:
		return w.rehearse()
	}
	return w.run()
}

// walk is one look at the operation, from its beginning to where it stands.
type walk struct {
	in      Input
	results map[resultKey]model.Result
	// learnt are the places of results in move.Learnt.
	learnt map[resultKey]int
	all    []group
	// failed are the texts of failures, failedLate those of SyncFail hooks.
	failed, failedLate []string
	// inFailure: SyncFail hooks have run, so that there was a failure, known or not.
	inFailure bool
	// stopping: the operation was at its end already, and hooks were to be stopped.
	stopping bool
	// open is what of the group that was visited last can be written.
	open []Task
	// blocked: nothing of it can be, though not all is.
	blocked bool
	move    Move
}

// resultKey identifies a task: an object of the app's own is in one phase only,
// which is "" here.
type resultKey struct {
	phase model.SyncPhase
	key   model.ObjectKey
}

func ownKey(o model.ObjectRef) resultKey { return resultKey{key: o.ObjectKey} }

func (t task) resultKey() resultKey {
	if !t.Hook {
		return ownKey(t.Object)
	}
	return resultKey{t.Phase, t.Object.ObjectKey}
}

// note takes a result into account.
func (w *walk) note(r model.Result) {
	k := ownKey(r.Object)
	if r.Hook {
		k.phase = cmp.Or(r.Phase, model.PhaseSync)
	}
	if r.Err != nil {
		r.State = model.HookStateFailed
	}
	w.results[k] = r
	late := r.Phase == model.PhaseSyncFail
	w.inFailure = w.inFailure || late
	switch text := failure(r); {
	case r.State != model.HookStateFailed:
	case strings.Contains(text, stopped):
		w.stopping = true
	case late:
		w.failedLate = append(w.failedLate, text)
	default:
		w.failed = append(w.failed, text)
	}
}

// learn is the result of a task that has become known now.
func (w *walk) learn(t task, state model.HookState, action model.Action, message string, err error) {
	r, known := w.results[t.resultKey()]
	if !known || r.Action == model.ActionDelete && action != r.Action {
		r = model.Result{Object: t.Object, Action: action}
	}
	r.Phase, r.Hook, r.State, r.Err = t.Phase, t.Hook, state, err
	r.Message = cmp.Or(message, r.Message)
	w.note(r)
	if i, again := w.learnt[t.resultKey()]; again {
		w.move.Learnt[i] = r
		return
	}
	w.learnt[t.resultKey()] = len(w.move.Learnt)
	w.move.Learnt = append(w.move.Learnt, r)
}

// run goes through the groups up to the first that is not finished.
func (w *walk) run() Move {
	w.aside()
	w.inFailure = w.inFailure || w.fellBack()
	regular := w.regular()
	for i, g := range regular {
		last := i == len(regular)-1 && !g.hooks()
		finished := w.visit(g, !last)
		if w.blocked {
			w.vanished(regular[:i+1])
		}
		if w.failing() {
			return w.fail(g)
		}
		if !finished {
			return w.move
		}
		if last {
			return w.end(model.PhaseSucceeded, w.success("all tasks run"))
		}
	}
	if w.failing() {
		return w.fail(group{})
	}
	return w.end(model.PhaseSucceeded, w.success("no more tasks"))
}

func (w *walk) failing() bool { return len(w.failed) > 0 || w.inFailure }

// vanished fails objects that were written and have gone since: what can't be written
// may wait for one of them.
func (w *walk) vanished(groups []group) {
	for _, g := range groups {
		for _, t := range g.tasks {
			r := w.results[t.resultKey()]
			_, exists := w.in.Live[t.Object.ObjectKey]
			if t.role == writing && !exists && r.State == model.HookStateSucceeded {
				w.missing(t)
			}
		}
	}
}

func (w *walk) regular() []group {
	n := slices.IndexFunc(w.all, func(g group) bool { return g.at.phase == model.PhaseSyncFail })
	if n < 0 {
		return w.all
	}
	return w.all[:n]
}

// fellBack reports whether a SyncFail hook of this operation exists.
func (w *walk) fellBack() bool {
	for _, g := range w.all[len(w.regular()):] {
		for _, t := range g.tasks {
			if w.in.Live[t.Object.ObjectKey].Operation == t.Mark {
				return true
			}
		}
	}
	return false
}

// aside learns of what no group waits for: objects that are left alone, and those
// that the operation has written or deleted and nothing is planned for any more.
func (w *walk) aside() {
	planned := make(map[model.ObjectKey]bool, len(w.in.Plan.Steps))
	for _, s := range w.in.Plan.Steps {
		planned[s.Object.ObjectKey] = true
		r := w.results[ownKey(s.Object)]
		if s.Action == model.ActionLeave && !ended(r) {
			w.learn(task{Task: Task{Step: s, Phase: model.PhaseSync}}, model.HookStateSucceeded, s.Action, s.Reason, nil)
		}
	}
	for _, r := range w.in.Operation.Results {
		if r.Hook || planned[r.Object.ObjectKey] || ended(w.results[ownKey(r.Object)]) {
			continue
		}
		t := task{Task: Task{Step: model.Step{Object: r.Object}, Phase: cmp.Or(r.Phase, model.PhaseSync)}}
		message := ""
		if r.Action == model.ActionDelete {
			message = pruned
		}
		w.learn(t, model.HookStateSucceeded, r.Action, message, nil)
	}
}

// visit judges a group and fills in what is to be done and waited for. It reports
// whether the group is finished; healthy says whether its objects have to be healthy
// for that.
func (w *walk) visit(g group, healthy bool) (finished bool) {
	w.move.Phase, w.move.Wave = g.at.phase, g.at.wave
	w.move.Do, w.move.Waits, w.move.Confirm = nil, nil, false
	v := w.judge(g, healthy)
	sortWrites(v.do)
	w.open, w.blocked = v.do, v.unwritten && len(v.do) == 0
	switch {
	case v.record:
		w.move.Record = true
	case len(v.do) > 0:
		w.move.Do = v.do
	case !v.unwritten && len(w.failed) == 0:
		w.remove(g, &v)
	}
	w.move.Waits = shortened(v.confirms, v.waits)
	w.move.Confirm = len(v.confirms) > 0
	return !v.record && len(v.do) == 0 && len(v.waits)+len(v.confirms) == 0
}

// view is what the tasks of a group have come to.
type view struct {
	do []Task
	// waits and confirms are texts.
	waits, confirms []string
	// unwritten: something can't be written yet.
	unwritten bool
	// record: something may only be done once the operation is recorded.
	record bool
}

// judge looks at the writes and hooks of a group.
func (w *walk) judge(g group, healthy bool) view {
	var v view
	for _, t := range g.tasks {
		switch t.role {
		case writing:
			w.write(t, healthy, &v)
		case hooking:
			w.hook(t, &v)
		}
	}
	return v
}

func sortWrites(tasks []Task) {
	slices.SortStableFunc(tasks, func(a, b Task) int {
		return cmp.Or(a.Stage-b.Stage, a.Object.Compare(b.Object.ObjectKey))
	})
}

// ended reports whether a task has come to its end.
func ended(r model.Result) bool {
	return r.State == model.HookStateSucceeded || r.State == model.HookStateFailed || r.Err != nil
}

// success is the message of an operation that has succeeded.
func (w *walk) success(how string) string {
	if w.in.Deleting {
		return "successfully deleted"
	}
	return "successfully synced (" + how + ")"
}
