package sequence

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// controller drives operations in a world, and can be killed.
type controller struct {
	w     *world
	rnd   *rand.Rand
	op    model.Operation
	saved *model.Operation // what a restart finds
	// kills are the points at which it is killed; points counts them.
	kills  []int
	points int
	moves  int
	// interrupt, if it is not nil, is done to the operation at the interruptAt-th move.
	interrupt   func(*model.Operation)
	interruptAt int
	// meddles: somebody else deletes and replaces objects meanwhile.
	meddles bool
}

// killed is what a kill panics with.
type killed struct{}

func (c *controller) point() {
	c.points++
	if slices.Contains(c.kills, c.points) {
		panic(killed{})
	}
}

func (c *controller) save() {
	if c.w.deleting && !c.op.Phase.Done() {
		return
	}
	op := c.op
	op.Results = nil
	for _, r := range c.op.Results {
		r.Live = model.Live{} // a status has no room for it
		op.Results = append(op.Results, r)
	}
	c.saved = &op
}

// recorded reports whether a restart finds the operation, unrecorded whether it
// misses some results.
func (c *controller) recorded() (recorded, unrecorded bool) {
	if c.saved == nil {
		return false, len(c.op.Results) > 0
	}
	same := slices.EqualFunc(c.saved.Results, c.op.Results, func(a, b model.Result) bool {
		return a.Object == b.Object && a.Phase == b.Phase && a.Action == b.Action && a.State == b.State && a.Message == b.Message
	})
	return true, !same
}

// run drives one operation to its end and cleans up after it.
func (c *controller) run() {
	started := time.Unix(1000, 0)
	for {
		if c.saved != nil {
			c.op = *c.saved
		} else {
			c.op = model.Operation{Started: started, Phase: model.PhaseRunning}
			if !c.w.deleting {
				started = started.Add(time.Second)
			}
		}
		if c.live() {
			return
		}
		c.lost()
		if len(c.w.broken) > 0 {
			return
		}
	}
}

// live is one life of the controller. It reports whether all was done in it.
func (c *controller) live() (done bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(killed); !ok {
				panic(p)
			}
		}
	}()
	for !c.op.Phase.Done() {
		if c.step(); len(c.w.broken) > 0 {
			return true
		}
	}
	for {
		releases := Releases(c.w.input(c.op, true, false))
		if len(releases) == 0 {
			return true
		}
		for _, r := range releases {
			c.point()
			c.w.letGo(r, c.point)
		}
	}
}

// lost checks that an operation that a kill has made forgotten has run no hooks.
func (c *controller) lost() {
	if c.saved != nil || c.w.deleting {
		return
	}
	for _, run := range c.w.marks() {
		if strings.HasPrefix(run, c.op.Mark()+"/") {
			c.w.wrong("a forgotten operation has run %s", run)
		}
	}
}

// step is one move.
func (c *controller) step() {
	c.point()
	if c.moves++; c.moves == c.interruptAt && c.interrupt != nil && !c.w.deleting {
		c.interrupt(&c.op)
		c.save()
	}
	recorded, unrecorded := c.recorded()
	if c.w.deleting {
		recorded, unrecorded = true, false // nothing of a deletion is recorded
	}
	in := c.w.input(c.op, recorded, unrecorded)
	m := Next(in)
	c.check(m, in)
	for _, r := range m.Learnt {
		c.op.Results = put(c.op.Results, r)
	}
	c.point()
	switch {
	case m.Ended != "":
		for _, r := range m.Stop {
			c.w.letGo(r, c.point)
			c.point()
		}
		c.op.Phase, c.op.Message = m.Ended, m.Message
		c.save()
	case m.Record:
		c.save()
	case len(m.Do) > 0:
		c.do(m.Do)
	default:
		if !c.w.happen(c.rnd) {
			c.w.wrong("nothing will ever happen, and this is waited for:\n%s", m)
		}
	}
	c.meanwhile()
}

// do carries out tasks, in any order within a stage.
func (c *controller) do(tasks []Task) {
	c.rnd.Shuffle(len(tasks), func(i, j int) {
		if tasks[i].Stage == tasks[j].Stage {
			tasks[i], tasks[j] = tasks[j], tasks[i]
		}
	})
	var results []model.Result
	for _, t := range tasks {
		if !c.meddles {
			c.w.permits(t)
		}
		r := c.w.do(t)
		c.point()
		results = append(results, r)
		if c.rnd.IntN(4) == 0 {
			c.w.happen(c.rnd)
		}
	}
	for _, r := range results {
		c.op.Results = put(c.op.Results, r)
	}
}

// meanwhile is what happens beside the operation.
func (c *controller) meanwhile() {
	if c.rnd.IntN(4) == 0 {
		c.save()
	}
	if c.rnd.IntN(3) == 0 {
		c.w.happen(c.rnd)
	}
	if c.meddles && c.rnd.IntN(4) == 0 {
		c.w.meddle(c.rnd)
	}
}

// check holds a move against what always holds.
func (c *controller) check(m Move, in Input) {
	if c.moves%8 == 0 {
		if again := Next(in); again.String() != m.String() {
			c.w.wrong("the same input has two moves:\n%s%s", m, again)
		}
	}
	idle := len(m.Do) == 0 && len(m.Waits) == 0 && !m.Record
	if m.Ended == "" && idle || m.Ended != "" && (len(m.Do)+len(m.Waits) > 0 || m.Record || m.Message == "") {
		c.w.wrong("a move that is none:\n%s", m)
	}
	if len(m.Do) > 0 && m.Record {
		c.w.wrong("something is to be done and recorded:\n%s", m)
	}
	if c.moves > 400 {
		c.w.wrong("no end after %d moves:\n%s", c.moves, m)
	}
	if stop := in.Operation.Terminating || in.Operation.Superseded != ""; stop && len(m.Do) > 0 {
		c.w.wrong("something new is begun at the end:\n%s", m)
	}
}

// trial is one operation in a world that the seed makes.
func trial(seed uint64, kills ...int) (*controller, string) {
	w := newWorld(rand.New(rand.NewPCG(seed, 1)))
	at, fails := w.failsAt()
	c := &controller{w: w, rnd: rand.New(rand.NewPCG(seed, 2)), kills: kills}
	c.run()
	w.settle(c.rnd)
	w.finished(c.op, fails, at)
	return c, string(c.op.Phase) + "\n" + w.state(!fails)
}

// settle lets everything happen that still will.
func (w *world) settle(rnd *rand.Rand) {
	for range 1000 {
		if !w.happen(rnd) {
			return
		}
	}
}

func (c *controller) report(t *testing.T, seed uint64) {
	t.Helper()
	if len(c.w.broken) > 0 {
		t.Fatalf("seed %d, killed at %v: %s\nresults: %v\nworld:\n%s", seed, c.kills, strings.Join(c.w.broken, "\n"), results(c.op), c.w.state(true))
	}
}

func results(op model.Operation) []string {
	var out []string
	for _, r := range op.Results {
		out = append(out, resultText(r))
	}
	return out
}

// TestKilledAnywhere kills the controller in operations on made-up apps, in some of
// them at every point: the end is always the same, each hook runs once, and no order
// is violated.
func TestKilledAnywhere(t *testing.T) {
	seeds, thorough := uint64(2000), uint64(60)
	if testing.Short() {
		seeds = 200
	}
	ends := map[model.Phase]int{}
	for seed := range seeds {
		calm, want := trial(seed)
		calm.report(t, seed)
		ends[calm.op.Phase]++
		rnd := rand.New(rand.NewPCG(seed, 4))
		for kill := 1; kill <= calm.points; kill++ {
			if seed >= thorough {
				kill += rnd.IntN(calm.points)
			}
			c, got := trial(seed, kill)
			c.report(t, seed)
			if got != want {
				t.Fatalf("seed %d, killed at %d: another end (-calm +killed):\n%s", seed, kill, cmp.Diff(want, got))
			}
		}
	}
	if ends[model.PhaseFailed] < int(seeds)/20 || ends[model.PhaseSucceeded] < int(seeds)/2 {
		t.Errorf("the worlds are of one kind: %v", ends)
	}
}

// TestCutShort ends operations before they are done, with the controller killed
// beside: no hook goes on, and none is held.
func TestCutShort(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(rand.New(rand.NewPCG(seed, 1)))
		c := &controller{w: w, rnd: rnd, kills: []int{rnd.IntN(40)}, interruptAt: 1 + rnd.IntN(20)}
		c.interrupt = func(op *model.Operation) { op.Terminating = true }
		if rnd.IntN(2) == 0 {
			c.interrupt = func(op *model.Operation) { op.Superseded = "abc" }
		}
		c.run()
		w.settle(rnd)
		for _, th := range w.things {
			if th.exists && th.live.Held || th.hook() && th.live.Health.Status == model.Progressing {
				w.wrong("hook %s goes on or is held", th.ref.Name)
			}
		}
		c.report(t, seed)
	}
}

// TestMeddledWith has somebody else delete, take away and replace objects during
// operations: they end all the same, and let go of all hooks.
func TestMeddledWith(t *testing.T) {
	for seed := range uint64(3000) {
		w := newWorld(rand.New(rand.NewPCG(seed, 1)))
		c := &controller{w: w, rnd: rand.New(rand.NewPCG(seed, 5)), meddles: true}
		c.run()
		w.settle(c.rnd)
		for _, th := range w.things {
			if th.exists && th.live.Held {
				w.wrong("hook %s is held for ever", th.ref.Name)
			}
		}
		c.report(t, seed)
	}
}

// FuzzKilled looks for apps and points that TestKilledAnywhere has not tried.
func FuzzKilled(f *testing.F) {
	f.Add(uint64(1), uint16(0), uint16(0))
	f.Add(uint64(7), uint16(5), uint16(20))
	f.Fuzz(func(t *testing.T, seed uint64, first, second uint16) {
		calm, want := trial(seed)
		calm.report(t, seed)
		a := 1 + int(first)%max(1, calm.points)
		c, got := trial(seed, a, a+1+int(second)%max(1, calm.points))
		c.report(t, seed)
		if got != want {
			t.Fatalf("another end (-calm +killed):\n%s", cmp.Diff(want, got))
		}
	})
}
