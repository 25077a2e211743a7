package backend

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// lone is a backend of the one cluster that it runs in, which counts how often that was
// asked.
type lone struct {
	*Backend
	mu    sync.Mutex
	err   error
	asked int
}

func newLone() *lone {
	l := &lone{Backend: &Backend{Config: Config{Now: time.Now, Settings: func() *argo.Settings { return &argo.Settings{} }}, board: board.New()}}
	l.roll = newRoll(func(context.Context, string) (string, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.asked++
		return "v1.34.1", l.err
	})
	return l
}

func (l *lone) answers(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lone) times() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// TestRollCall: a cluster that does not answer any more, or again, is told to who watches.
// Nobody is asked while nobody watches.
func TestRollCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLone()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { l.keepRoll(ctx) })
		time.Sleep(10 * rollPause)
		if n := l.times(); n != 0 {
			t.Errorf("it was asked %d times while nobody watched", n)
		}
		watching, leave := context.WithCancel(ctx)
		news := l.Watch(watching, view.TopicClusters)
		synctest.Wait()
		if n := l.times(); n != 1 {
			t.Errorf("who begins to watch has it asked %d times", n)
		}
		l.answers(errors.New("no route to host"))
		<-news
		began := time.Now()
		if away := l.Unreachable(); len(away) != 1 || away[0].Err != "no route to host" || !away[0].Since.Equal(began) {
			t.Errorf("unreachable are %v", away)
		}
		time.Sleep(3 * rollPause)
		if away := l.Unreachable(); len(away) != 1 || !away[0].Since.Equal(began) {
			t.Errorf("later unreachable are %v, not since %v", away, began)
		}
		select {
		case <-news:
			t.Error("the same was told twice")
		default:
		}
		l.answers(nil)
		<-news
		if away := l.Unreachable(); len(away) != 0 {
			t.Errorf("it answers again, and unreachable are %v", away)
		}
		leave()
		synctest.Wait()
		before := l.times()
		time.Sleep(10 * rollPause)
		if n := l.times() - before; n > 1 {
			t.Errorf("it was asked %d times after everybody had left", n)
		}
		stop()
		wg.Wait()
	})
}
