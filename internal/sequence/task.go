package sequence

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// order is that of the phases. Those of a sync and those of a deletion never come
// together.
var order = map[model.SyncPhase]int{
	model.PhasePreDelete: 0, model.PhasePreSync: 1, model.PhaseSync: 2,
	model.PhasePostSync: 3, model.PhasePostDelete: 4, model.PhaseSyncFail: 5,
}

// place is where a task belongs: nothing of a place is begun before all earlier
// ones are finished.
type place struct {
	phase model.SyncPhase
	wave  int
}

func (p place) compare(o place) int {
	return cmp.Or(order[p.phase]-order[o.phase], cmp.Compare(p.wave, o.wave))
}

// role is what a task is about.
type role int

const (
	writing  role = iota // an object of the app's own
	hooking              // a hook
	removing             // an object that has to go
)

type task struct {
	Task
	role role
	at   place
}

// group is all tasks of a place, those of one role in the order of their stages.
type group struct {
	at    place
	tasks []task
}

func (g group) hooks() bool {
	return slices.ContainsFunc(g.tasks, func(t task) bool { return t.role == hooking })
}

// groups are the tasks of the operation in order; those of SyncFail come last.
func (w *walk) groups() []group {
	tasks := append(w.writes(), w.hooks()...)
	lift(tasks)
	tasks = append(tasks, w.removals(tasks)...)
	slices.SortFunc(tasks, func(a, b task) int {
		return cmp.Or(a.at.compare(b.at), int(a.role)-int(b.role), a.Object.Compare(b.Object.ObjectKey))
	})
	var out []group
	for _, t := range tasks {
		if len(out) == 0 || out[len(out)-1].at != t.at {
			out = append(out, group{at: t.at})
		}
		g := &out[len(out)-1]
		g.tasks = append(g.tasks, t)
	}
	return out
}

// writes are the tasks of the objects that the source declares.
func (w *walk) writes() []task {
	var out []task
	for _, s := range w.in.Plan.Steps {
		if s.Action != model.ActionLeave && !w.goes(s) {
			at := place{model.PhaseSync, s.Wave}
			out = append(out, task{Task: Task{Step: s, Phase: at.phase}, at: at})
		}
	}
	return out
}

// goes reports whether a step is about an object that has to go.
func (w *walk) goes(s model.Step) bool {
	return s.Action == model.ActionDelete ||
		s.Action == model.ActionWait && s.Stage >= 0 && !w.in.Declared[s.Object.ObjectKey]
}

// hookless reports whether the operation runs no hooks at all.
func (w *walk) hookless() bool {
	req := w.in.Operation.Request
	return w.in.Partial || req.NoHooks || req.Heal || len(req.Only) > 0
}

// hooks are the tasks of hooks, one for each of their phases.
func (w *walk) hooks() []task {
	if w.hookless() {
		return nil
	}
	var out []task
	for _, h := range w.in.Hooks {
		for _, phase := range h.Traits.Hooks.List() {
			deletion := phase == model.PhasePreDelete || phase == model.PhasePostDelete
			if deletion != w.in.Deleting {
				continue
			}
			at := place{phase, int(h.Traits.Wave)}
			step := model.Step{Object: h.Object, Action: cmp.Or(h.Action, model.ActionCreate), Reason: h.Reason,
				Stage: h.Stage, Wave: at.wave, Traits: h.Traits}
			mark := w.in.Operation.Mark() + "/" + string(phase)
			out = append(out, task{Task: Task{Step: step, Phase: phase, Hook: true, Mark: mark}, role: hooking, at: at})
		}
	}
	return out
}

// removals are the tasks of what has to go. The highest wave goes first, each gone
// before the next, and none before what is written in the highest of their waves:
// so their order stays the same whatever of it a restart finds done already. What
// is going anyway holds up the others, and does not say where they belong.
func (w *walk) removals(others []task) []task {
	var early, late []task
	for _, s := range w.in.Plan.Steps {
		if !w.goes(s) || w.results[ownKey(s.Object)].State == model.HookStateSucceeded {
			continue
		}
		at := place{model.PhaseSync, s.Wave}
		t := task{Task: Task{Step: s, Phase: at.phase, UID: w.in.Live[s.Object.ObjectKey].UID}, role: removing, at: at}
		if s.Traits.PruneLast == model.Yes && !w.in.Deleting {
			late = append(late, t)
		} else {
			early = append(early, t)
		}
	}
	standing := slices.DeleteFunc(slices.Clone(early), func(t task) bool { return t.Action != model.ActionDelete })
	if len(standing) == 0 {
		standing = early
	}
	if top, ok := lastWave(standing); ok {
		moveTo(early, top)
	}
	end, _ := lastWave(slices.Concat(others, early))
	moveTo(late, end+1)
	return append(early, late...)
}

// lastWave is the highest wave of the tasks of PhaseSync.
func lastWave(tasks []task) (wave int, ok bool) {
	for _, t := range tasks {
		if t.at.phase == model.PhaseSync && (!ok || t.at.wave > wave) {
			wave, ok = t.at.wave, true
		}
	}
	return wave, ok
}

func moveTo(tasks []task, wave int) {
	for i := range tasks {
		tasks[i].at.wave = wave
	}
}

// lift moves a Namespace before the first task that lives in it, a
// CustomResourceDefinition before the first task of its API group, and the
// Namespace that is created for the app before everything.
func lift(tasks []task) {
	var start *place
	inside, groups := map[string]place{}, map[string]place{}
	for _, t := range tasks {
		if t.Stage < 0 {
			continue
		}
		if start == nil || t.at.compare(*start) < 0 {
			start = &t.at
		}
		earliest(inside, t.Object.Namespace, t.at)
		earliest(groups, t.Object.Group, t.at)
	}
	for i := range tasks {
		t := &tasks[i]
		if t.role != writing {
			continue
		}
		first, used := t.at, false
		switch {
		case t.Stage < 0 && start != nil:
			first, used = place{start.phase, start.wave - 1}, true
		case t.Object.Kind == "Namespace" && t.Object.Group == "":
			first, used = inside[t.Object.Name], has(inside, t.Object.Name)
		case t.Object.Kind == "CustomResourceDefinition":
			_, of, _ := strings.Cut(t.Object.Name, ".")
			first, used = groups[of], has(groups, of)
		}
		if used && first.compare(t.at) < 0 {
			t.at, t.Phase = first, first.phase
		}
	}
}

func has(m map[string]place, name string) bool {
	_, ok := m[name]
	return ok
}

func earliest(m map[string]place, name string, at place) {
	if before, ok := m[name]; name != "" && (!ok || at.compare(before) < 0) {
		m[name] = at
	}
}
