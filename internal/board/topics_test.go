package board_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// waiting is how many signals wait in a channel, and whether it is closed.
func waiting(ch <-chan struct{}) (n int, closed bool) {
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return n, true
			}
			n++
		default:
			return n, false
		}
	}
}

// TestWatch: several touches are one signal, those of others are none, and it ends
// with its context.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := board.New()
		ctx, cancel := context.WithCancel(t.Context())
		apps, one, other := b.Watch(ctx, view.TopicApps), b.Watch(ctx, view.TopicApp(key("a"))), b.Watch(ctx, view.TopicApp(key("b")))
		tree := b.Watch(t.Context(), view.TopicTree(key("a")))
		changed := app("a")
		for i := range 3 {
			changed.Objects = i + 1
			b.Put(changed, noon)
		}
		b.Put(changed, noon)
		for name, c := range map[string]struct {
			ch   <-chan struct{}
			want int
		}{"apps": {apps, 1}, "the app": {one, 1}, "another": {other, 0}, "the tree": {tree, 0}} {
			if n, closed := waiting(c.ch); n != c.want || closed {
				t.Errorf("%s: %d signals, closed: %t", name, n, closed)
			}
		}
		b.Remove(key("a"))
		b.Touch(view.TopicTree(key("a")))
		if n, _ := waiting(one); n != 1 {
			t.Errorf("of the removal: %d signals", n)
		}
		cancel()
		synctest.Wait()
		for name, ch := range map[string]<-chan struct{}{"apps": apps, "the app": one, "another": other} {
			if _, closed := waiting(ch); !closed {
				t.Errorf("%s is not closed with its context", name)
			}
		}
		if n, closed := waiting(tree); n != 1 || closed {
			t.Errorf("the tree: %d signals, closed: %t", n, closed)
		}
		if b.Watched(view.TopicApps) || !b.Watched(view.TopicTree(key("a"))) {
			t.Error("watched is what is watched no more, or not what is")
		}
		b.Touch(view.TopicApps) // to nobody
	})
}

// TestWatchers: they cost no goroutine each, and one whose context has ended is closed.
func TestWatchers(t *testing.T) {
	b := board.New()
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	var all []<-chan struct{}
	for i := range 500 {
		all = append(all, b.Watch(ctx, view.Topic(fmt.Sprint(i%10))))
	}
	if after := runtime.NumGoroutine(); after > before+5 {
		t.Errorf("%d goroutines became %d", before, after)
	}
	b.Touch("3")
	cancel()
	for i, ch := range all {
		n := 0
		for range ch {
			n++
		}
		if want := map[bool]int{true: 1}[i%10 == 3]; n != want {
			t.Errorf("watcher %d: %d signals", i, n)
		}
	}
	late := b.Watch(ctx, "late")
	for range late {
		t.Error("a signal after the end")
	}
}

// TestConcurrent: everything at the same time. Each page is of one moment: its version
// is that of an app in it, and its counts add up.
func TestConcurrent(t *testing.T) {
	b := many(200)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 300 {
				a := app(fmt.Sprintf("writer-%d-%d", w, i%20))
				a.Objects, a.Health = i, []model.HealthStatus{model.Healthy, model.Degraded}[i%2]
				b.Put(a, noon)
				if i%3 == 0 {
					b.Remove(a.Key)
				}
			}
		})
		all.Go(func() {
			last := uint64(0)
			for i := range 100 {
				p := b.Apps(view.Query{Search: "e", Sort: view.SortKeys[i%len(view.SortKeys)], Facets: true, Limit: 500}, func(a *view.App) bool { return a.Objects >= 0 })
				sum := 0
				for _, n := range p.Health {
					sum += n
				}
				if sum != p.Total || len(p.Apps) != p.Total || p.Version < last {
					t.Errorf("%d apps, %d by health, %d on the page, version %d after %d", p.Total, sum, len(p.Apps), p.Version, last)
				}
				last = p.Version
			}
		})
		all.Go(func() {
			for i := range 100 {
				watch, end := context.WithCancel(ctx)
				ch := b.Watch(watch, view.TopicApps)
				b.Touch(view.TopicApps)
				<-ch
				b.Get(key(fmt.Sprintf("writer-%d-%d", w, i%20)))
				b.Len()
				end()
			}
		})
	}
	all.Wait()
}
