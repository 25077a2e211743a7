package sequence

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// thing is an object of a simulated world, declared or not.
type thing struct {
	ref    model.ObjectRef
	traits model.Traits
	stage  int
	own    bool // else it is a hook or has to go
	leave  bool // of what has to go: it stays
	refuse bool // writing it fails
	slow   bool // it takes a while to go
	// fate is what its health becomes; "" is a kind without health. Of hooks, by phase.
	fate  model.HealthStatus
	fates map[model.SyncPhase]model.HealthStatus

	live     model.Live
	exists   bool
	synced   bool
	becoming model.HealthStatus
}

func (t *thing) hook() bool { return t.traits.IsHook() }

// world is a cluster with an app in it.
type world struct {
	things   []*thing
	deleting bool
	hookless bool
	uids     int
	approved bool
	// runs counts the hooks that were brought to run, by mark and name.
	runs map[string]int
	// ended are outcomes of runs, by the same.
	ended map[string]model.HealthStatus
	// writes are the names of the objects that were written.
	writes map[string]bool
	// topPrune is the highest wave of what goes before PruneLast.
	topPrune int
	// meddled: somebody else has changed something.
	meddled bool
	broken  []string
}

func (w *world) wrong(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

func (w *world) thing(key model.ObjectKey) *thing {
	for _, t := range w.things {
		if t.ref.ObjectKey == key {
			return t
		}
	}
	return nil
}

func (w *world) uid() string {
	w.uids++
	return fmt.Sprintf("uid-%d", w.uids)
}

// newWorld makes up an app and what exists of it.
func newWorld(rnd *rand.Rand) *world {
	w := &world{runs: map[string]int{}, ended: map[string]model.HealthStatus{}, writes: map[string]bool{}}
	w.deleting, w.hookless = rnd.IntN(5) == 0, rnd.IntN(10) == 0
	flawed := rnd.IntN(3) == 0
	if !w.deleting {
		w.own(rnd, flawed)
	}
	for i := range rnd.IntN(5) {
		w.hook(rnd, i, flawed)
	}
	for i := range rnd.IntN(4) {
		w.prune(rnd, i)
	}
	w.topPrune = w.top(func(t *thing) bool { return !t.live.Terminating })
	if w.topPrune == none {
		w.topPrune = w.top(func(*thing) bool { return true })
	}
	return w
}

// none is no wave.
const none = -1000

// top is the highest wave of some of what goes before PruneLast.
func (w *world) top(counts func(*thing) bool) int {
	out := none
	for _, t := range w.things {
		if w.goes(t) && !w.late(t) && counts(t) {
			out = max(out, int(t.traits.Wave))
		}
	}
	return out
}

func wave(rnd *rand.Rand) int32 { return int32(rnd.IntN(4) - 1) }

func ref(group, kind, ns, name string) model.ObjectRef {
	return model.ObjectRef{ObjectKey: model.ObjectKey{Group: group, Kind: kind, Namespace: ns, Name: name}, Version: "v1"}
}

// own adds the app's own objects: Deployments, a Namespace and a CRD with an object.
func (w *world) own(rnd *rand.Rand, flawed bool) {
	for i := range rnd.IntN(6) {
		ns := []string{"", "made"}[rnd.IntN(2)]
		t := &thing{ref: ref("apps", "Deployment", ns, fmt.Sprintf("d%d", i)), own: true, stage: 6, fate: model.Healthy}
		t.traits = model.Traits{Wave: wave(rnd), IgnoreHealth: rnd.IntN(8) == 0}
		if rnd.IntN(4) == 0 {
			t.fate = ""
		}
		if flawed && rnd.IntN(5) == 0 {
			t.fate = model.Degraded
		}
		t.refuse = flawed && rnd.IntN(8) == 0
		w.begin(rnd, t)
	}
	if rnd.IntN(2) == 0 {
		w.begin(rnd, &thing{ref: ref("", "Namespace", "", "made"), own: true, traits: model.Traits{Wave: wave(rnd)}})
	} else {
		w.things = append(w.things, &thing{ref: ref("", "Namespace", "", "made"), own: true, synced: true, exists: true})
	}
	if rnd.IntN(2) == 0 {
		crd := &thing{ref: ref("apiextensions.k8s.io", "CustomResourceDefinition", "", "foos.example.io"), own: true, stage: 3, fate: model.Healthy}
		crd.traits.Wave = wave(rnd)
		w.begin(rnd, crd)
		foo := &thing{ref: ref("example.io", "Foo", "", "foo"), own: true, stage: 9, fate: model.Healthy}
		foo.traits.Wave = wave(rnd)
		w.things = append(w.things, foo)
	}
}

// begin gives an object the state that it is found in.
func (w *world) begin(rnd *rand.Rand, t *thing) {
	t.exists = rnd.IntN(2) == 0
	if t.exists {
		t.live.UID, t.becoming = w.uid(), t.fate
		t.synced = rnd.IntN(2) == 0
		t.live.Health.Status = t.fate
		if t.fate != "" && rnd.IntN(2) == 0 {
			t.live.Health.Status = model.Progressing
		}
	}
	w.things = append(w.things, t)
}

func (w *world) hook(rnd *rand.Rand, i int, flawed bool) {
	t := &thing{ref: ref("batch", "Job", "", fmt.Sprintf("h%d", i)), stage: 6, slow: rnd.IntN(2) == 0,
		fates: map[model.SyncPhase]model.HealthStatus{}}
	if w.deleting {
		// Of both phases it would run twice where nothing is recorded.
		t.traits.Hooks = model.PhasesOf([]model.SyncPhase{model.PhasePreDelete, model.PhasePostDelete}[rnd.IntN(2)])
	} else {
		t.traits.Hooks = model.Phases(1 + rnd.IntN(15))
	}
	t.traits.Wave = wave(rnd)
	t.traits.HookDelete = model.HookPolicies(rnd.IntN(8))
	for _, p := range t.traits.Hooks.List() {
		t.fates[p] = model.Healthy
		if flawed && rnd.IntN(4) == 0 {
			t.fates[p] = model.Degraded
		}
	}
	if rnd.IntN(3) == 0 {
		t.exists, t.live.UID, t.live.Operation = true, w.uid(), []string{"1.0/PreSync", ""}[rnd.IntN(2)]
		t.live.Health.Status, t.becoming = model.Healthy, model.Healthy
		t.live.Held, t.live.Terminating = rnd.IntN(2) == 0, rnd.IntN(4) == 0
	}
	w.things = append(w.things, t)
}

func (w *world) prune(rnd *rand.Rand, i int) {
	t := &thing{ref: ref("", "ConfigMap", "", fmt.Sprintf("p%d", i)), exists: true, slow: rnd.IntN(2) == 0, stage: 2}
	t.live.UID, t.traits.Wave, t.leave = w.uid(), wave(rnd), rnd.IntN(6) == 0
	t.live.Terminating = !t.leave && rnd.IntN(6) == 0
	if rnd.IntN(4) == 0 {
		t.traits.PruneLast = model.Yes
	}
	if rnd.IntN(4) == 0 {
		t.traits.Prune, t.traits.Delete = model.ConsentConfirm, model.ConsentConfirm
	}
	w.things = append(w.things, t)
}

func (w *world) goes(t *thing) bool { return !t.own && !t.hook() && !t.leave }
func (w *world) late(t *thing) bool { return !w.deleting && t.traits.PruneLast == model.Yes }

// crd is the state of the CRD that kind Foo needs.
func (w *world) served(t *thing) bool {
	crd := w.thing(ref("apiextensions.k8s.io", "CustomResourceDefinition", "", "foos.example.io").ObjectKey)
	return t.ref.Kind != "Foo" || crd.exists && crd.live.Health.Status == model.Healthy
}

// input is what the sequence is told of the world.
func (w *world) input(op model.Operation, recorded, unrecorded bool) Input {
	in := Input{Operation: op, Recorded: recorded, Unrecorded: unrecorded, Deleting: w.deleting, Partial: w.hookless,
		Declared: map[model.ObjectKey]bool{}, Live: map[model.ObjectKey]model.Live{}, Since: op.Started}
	if w.approved {
		in.Approved = op.Started
	}
	for _, t := range w.things {
		if t.exists {
			l := t.live
			l.Ref, l.Traits = t.ref, t.traits
			in.Live[t.ref.ObjectKey] = l
		}
		switch {
		case t.hook():
			in.Hooks = append(in.Hooks, Hook{Object: t.ref, Traits: t.traits, Stage: t.stage})
		case t.own:
			in.Declared[t.ref.ObjectKey] = true
			in.Plan.Steps = append(in.Plan.Steps, w.step(t))
		case t.exists:
			in.Plan.Steps = append(in.Plan.Steps, w.step(t))
		}
	}
	return in
}

// step is what a plan says of an object.
func (w *world) step(t *thing) model.Step {
	s := model.Step{Object: t.ref, Stage: t.stage, Wave: int(t.traits.Wave), Traits: t.traits, Action: model.ActionKeep}
	switch {
	case t.own && !w.served(t):
		s.Action, s.Reason = model.ActionWait, "waits for its CRD"
	case t.own && !t.exists:
		s.Action = model.ActionCreate
	case t.own && !t.synced:
		s.Action = model.ActionUpdate
	case t.own:
	case t.leave:
		s.Action, s.Reason = model.ActionLeave, "stays"
	case t.live.Terminating:
		s.Action, s.Reason = model.ActionWait, "is being deleted"
	default:
		s.Action = model.ActionDelete
	}
	return s
}

// do carries out a task.
func (w *world) do(t Task) model.Result {
	r := model.Result{Object: t.Object, Action: t.Action, Phase: t.Phase, Hook: t.Hook, State: model.HookStateRunning}
	thing := w.thing(t.Object.ObjectKey)
	switch {
	case t.Recreate, t.Action == model.ActionDelete:
		w.delete(thing, t.UID)
		if t.Recreate {
			w.release(thing)
		}
	case t.Hook:
		w.start(thing, t)
		r.Live.UID = thing.live.UID
	case thing.refuse, w.meddled && !w.lodged(thing):
		r.State, r.Err = model.HookStateFailed, errors.New("refused")
		w.writes[t.Object.Name] = true
	default:
		w.write(thing)
		r.Live.UID = thing.live.UID
	}
	return r
}

// lodged reports whether an object's namespace exists.
func (w *world) lodged(t *thing) bool {
	return t.ref.Namespace == "" || w.thing(ref("", "Namespace", "", t.ref.Namespace).ObjectKey).exists
}

func (w *world) write(t *thing) {
	if t.live.Terminating || !w.served(t) {
		w.wrong("%s was written and can't be", t.ref.Name)
	}
	if !w.lodged(t) {
		w.wrong("%s was written before its namespace", t.ref.Name)
	}
	if !t.exists {
		t.exists, t.live = true, model.Live{UID: w.uid()}
	}
	t.synced, t.becoming = true, t.fate
	established := t.ref.Kind == "CustomResourceDefinition" && t.live.Health.Status == model.Healthy
	if t.fate != "" && !established {
		t.live.Health.Status = model.Progressing
	}
	w.writes[t.ref.Name] = true
}

func (w *world) start(t *thing, task Task) {
	switch {
	case task.Action == model.ActionCreate && t.exists, task.Action == model.ActionUpdate && (!t.exists || t.live.Terminating):
		w.wrong("%s: a hook can't be brought to run by %s", t.ref.Name, task.Action)
	case !t.exists:
		t.exists, t.live = true, model.Live{UID: w.uid()}
	}
	run := task.Mark + " " + t.ref.Name
	if w.runs[run]++; w.runs[run] > 1 {
		w.wrong("hook ran twice: %s", run)
	}
	t.live.Held, t.live.Operation, t.live.Busy = true, task.Mark, false
	t.live.Health.Status, t.becoming = model.Progressing, t.fates[task.Phase]
}

func (w *world) delete(t *thing, uid string) {
	if !t.exists || t.live.UID != uid || t.live.Terminating && !t.live.Held {
		w.wrong("%s was deleted and is not there, or is being deleted", t.ref.Name)
		return
	}
	t.live.Terminating = true
	w.leave(t)
}

// leave lets an object go that nothing holds.
func (w *world) leave(t *thing) {
	if t.live.Terminating && !t.live.Held && !t.slow {
		t.exists, t.live = false, model.Live{}
	}
}

func (w *world) release(t *thing) {
	t.live.Held = false
	w.leave(t)
}

// letGo carries out a release.
func (w *world) letGo(r Release, between func()) {
	t := w.thing(r.Object.ObjectKey)
	if t == nil || !t.exists || t.live.UID != r.UID {
		w.wrong("%s is released and does not exist", r.Object.Name)
		return
	}
	if r.Delete {
		t.live.Terminating = true
		between()
	}
	w.release(t)
}

// happen lets one thing happen that is bound to, and reports whether there was any.
func (w *world) happen(rnd *rand.Rand) bool {
	var events []func()
	for _, t := range w.things {
		switch l := &t.live; {
		case !t.exists:
		case l.Terminating && !l.Held:
			events = append(events, func() { t.exists, t.live = false, model.Live{} })
		case l.Health.Status == model.Progressing && t.hook() && !l.Busy && rnd.IntN(2) == 0:
			events = append(events, func() { l.Busy = true })
		case l.Health.Status == model.Progressing:
			events = append(events, func() {
				l.Health.Status, l.Busy = t.becoming, false
				w.ended[l.Operation+" "+t.ref.Name] = t.becoming
			})
		}
	}
	if w.confirms() {
		events = append(events, func() { w.approved = true })
	}
	if len(events) == 0 {
		return false
	}
	events[rnd.IntN(len(events))]()
	return true
}

func (w *world) confirms() bool {
	return !w.approved && slices.ContainsFunc(w.things, func(t *thing) bool {
		return w.goes(t) && t.exists && t.traits.Prune == model.ConsentConfirm
	})
}

// state is the world as text, or the app's own objects alone, without what differs
// between operations.
func (w *world) state(all bool) string {
	var b strings.Builder
	for _, t := range slices.SortedFunc(slices.Values(w.things), func(a, b *thing) int { return cmp.Compare(a.ref.Name, b.ref.Name) }) {
		raced := !t.own || t.ref.Kind == "Foo" // a failure may come before its CRD is there
		if raced && !all || !t.exists {
			continue
		}
		_, phase, _ := strings.Cut(t.live.Operation, "/")
		fmt.Fprintf(&b, "%s synced=%v held=%v terminating=%v %s %s\n", t.ref.Name, t.synced, t.live.Held, t.live.Terminating, phase, t.live.Health.Status)
	}
	return b.String()
}

// marks are the marks that hooks ran with.
func (w *world) marks() []string { return slices.Sorted(maps.Keys(w.runs)) }

// meddle is what somebody else does to an object: deletes it, takes it away at once,
// or puts another in its place.
func (w *world) meddle(rnd *rand.Rand) {
	if len(w.things) == 0 {
		return
	}
	t := w.things[rnd.IntN(len(w.things))]
	if !t.exists {
		return
	}
	w.meddled = true
	switch rnd.IntN(3) {
	case 0:
		t.live.Terminating = true
		w.leave(t)
	case 1:
		t.exists, t.live = false, model.Live{}
	case 2:
		t.live = model.Live{UID: w.uid(), Health: t.live.Health}
		t.synced = false
	}
}
