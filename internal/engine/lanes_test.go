package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// order writes down in which order apps are reported, and lets something happen then.
type order struct {
	then func(name string, nth int)

	mu   sync.Mutex
	apps []string
}

func (o *order) Report(_ context.Context, r model.Report) {
	o.mu.Lock()
	o.apps = append(o.apps, r.App.Name)
	nth := len(o.apps)
	o.mu.Unlock()
	if o.then != nil {
		o.then(r.App.Name, nth)
	}
}

func (o *order) reported() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.apps)
}

// inQueue has n apps that nobody syncs wait for one worker, which has not begun.
func inQueue(t *testing.T, n int, o *order, test func(*world)) {
	t.Helper()
	inWorld(t, func(w *world) {
		w.stop()
		w.workers, w.reporter = 1, o
		w.start()
		w.engine.Hold()
		w.sources.commit("c1", "a=1")
		for i := range n {
			app := automated(fmt.Sprintf("app-%04d", i))
			app.Sync.Auto, app.Namespace = false, fmt.Sprintf("ns-%d", i)
			w.engine.Put(app)
		}
		test(w)
	})
}

// TestAskedGoesFirst: what people ask for does not wait behind what a push has brought.
func TestAskedGoesFirst(t *testing.T) {
	const n = 500
	last := appKey(fmt.Sprintf("app-%04d", n-1))
	for what, ask := range map[string]func(*world){
		"a sync":    func(w *world) { w.engine.Operate(last, model.Request{ID: "1", By: "somebody"}) },
		"a refresh": func(w *world) { w.engine.RefreshFirst(last, false, "") },
	} {
		t.Run(what, func(t *testing.T) {
			o := &order{}
			inQueue(t, n, o, func(w *world) {
				o.then = func(_ string, nth int) {
					if nth == 100 {
						ask(w)
					}
				}
				w.engine.Release()
				synctest.Wait()
				all := o.reported()
				if at := slices.Index(all[100:], last.Name); at < 0 || at > passedOver {
					t.Errorf("asked for after 100 of %d, %d others were before %s", len(all), at, last.Name)
				}
				if missing := n - len(slices.Compact(slices.Sorted(slices.Values(all)))); missing != 0 {
					t.Errorf("%d apps were never worked on", missing)
				}
			})
		})
	}
}

// TestAskedLookGoesFirst: who asked for a refresh does not wait for the others when the
// sources have been looked at, though all have news.
func TestAskedLookGoesFirst(t *testing.T) {
	const n = 500
	last := appKey(fmt.Sprintf("app-%04d", n-1))
	o := &order{}
	inQueue(t, n, o, func(w *world) {
		w.engine.Release()
		synctest.Wait()
		before := len(o.reported())
		w.engine.RefreshFirst(last, false, "look-1")
		synctest.Wait()
		if got := o.reported()[before:]; len(got) != 1 || got[0] != last.Name {
			t.Fatalf("a refresh reported %q", got)
		}
		before++
		queued := make(chan struct{})
		o.then = func(string, int) { <-queued }
		w.sources.commit("c2", "a=2")
		w.sources.look("look-1")
		w.engine.SourceChanged("src")
		synctest.Wait() // the worker has taken one, and all others wait
		close(queued)
		synctest.Wait()
		all := o.reported()[before:]
		if at := slices.Index(all, last.Name); len(all) != n || at < 0 || at > 1+passedOver {
			t.Errorf("it was its turn as number %d of %d", at, len(all))
		}
	})
}

// TestUrgency: what makes an app urgent, and what ends that.
func TestUrgency(t *testing.T) {
	running := func(by string) model.Operation {
		return model.Operation{Phase: model.PhaseRunning, Request: model.Request{By: by}}
	}
	tests := map[string]struct {
		reason string
		do     func(*state)
		want   urgency
	}{
		"new":       {"a first look is like any other", func(*state) {}, usual},
		"request":   {"somebody waits for it", func(s *state) { s.operate(model.Request{ID: "1"}) }, first},
		"waits":     {"it is still to be begun", func(s *state) { s.operate(model.Request{ID: "1"}); s.take() }, first},
		"done":      {"it has been carried out", func(s *state) { s.operate(model.Request{ID: "1"}); s.handled = "1"; s.take() }, usual},
		"sync":      {"its steps are waited for", func(s *state) { s.show(running("somebody")); s.take() }, first},
		"automated": {"what has begun is ended first", func(s *state) { s.show(running("")); s.take() }, soon},
		"ended":     {"nothing is left to do", func(s *state) { s.show(running("somebody")); s.show(model.Operation{Phase: model.PhaseSucceeded}) }, usual},
		"hurried":   {"somebody waits for the next look", func(s *state) { s.hurry("") }, first},
		"looked at": {"that was it", func(s *state) { s.hurry(""); s.take() }, usual},
		"look":      {"the sources' news is waited for", func(s *state) { s.hurry("l"); s.take(); s.looked("l") }, first},
		"other":     {"another's look is not", func(s *state) { s.hurry("l"); s.take(); s.looked("m") }, usual},
		"declared":  {"another declaration is more than news", func(s *state) { s.put(model.App{Suspended: true}) }, soon},
		"the same":  {"one of which only the status is new is none", func(s *state) { s.put(model.App{Generation: 2}) }, usual},
	}
	for name, tt := range tests {
		s := newState(model.App{})
		tt.do(s)
		if got := s.urgency(); got != tt.want {
			t.Errorf("%s: urgency %d, want %d: %s", name, got, tt.want, tt.reason)
		}
	}
}

// TestNobodyStarves: as long as somebody asks, the others get every fourth turn.
func TestNobodyStarves(t *testing.T) {
	const n = 200
	o := &order{}
	inQueue(t, n, o, func(w *world) {
		rest := map[string]bool{}
		for i := range n - 2 {
			rest[fmt.Sprintf("app-%04d", i+2)] = true
		}
		turns := 0
		o.then = func(name string, nth int) {
			if delete(rest, name); len(rest) > 0 {
				turns = nth
				w.engine.RefreshFirst(appKey("app-0000"), false, "")
				w.engine.RefreshFirst(appKey("app-0001"), false, "")
			}
		}
		w.engine.Release()
		synctest.Wait()
		if most := (passedOver + 1) * n; len(rest) != 0 || turns > most {
			t.Errorf("%d are left after %d turns of at most %d", len(rest), turns, most)
		}
	})
}

// TestOneAtATime: however an app is asked for, it is in the queue once, and not handed out
// while it is worked on.
func TestOneAtATime(t *testing.T) {
	var mu sync.Mutex
	urgent := map[model.AppKey]urgency{}
	q := newQueue(func(k model.AppKey) urgency {
		mu.Lock()
		defer mu.Unlock()
		return urgent[k]
	})
	keys := []model.AppKey{appKey("a"), appKey("b"), appKey("c")}
	var g sync.WaitGroup
	working, handed := map[model.AppKey]bool{}, 0
	for range 4 {
		g.Go(func() {
			for {
				k, stop := q.Get()
				if stop {
					return
				}
				mu.Lock()
				if handed++; working[k] {
					t.Errorf("%s is worked on twice at once", k)
				}
				working[k] = true
				mu.Unlock()
				mu.Lock()
				working[k] = false
				mu.Unlock()
				q.Done(k)
			}
		})
	}
	for i := range 3000 {
		k := keys[i%len(keys)]
		mu.Lock()
		urgent[k] = urgency(i % int(urgencies))
		mu.Unlock()
		q.Add(k)
	}
	q.ShutDown()
	g.Wait()
	if q.Len() != 0 || handed == 0 || handed > 3000 {
		t.Errorf("%d left, %d handed out", q.Len(), handed)
	}
}
