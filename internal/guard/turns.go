package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// mostDiffs is how many diffs are made at a time: each takes renders and dry runs.
// mostDiffsEach is how many of them are one reader's.
const (
	mostDiffs     = 4
	mostDiffsEach = 2
)

// turns are shared out among readers. The last free one is for who has none; of those
// who wait, who has fewest gets the next, and of these whose last was longest ago.
type turns struct {
	mu      sync.Mutex
	taken   int
	given   int // since the beginning
	readers map[string]*queue
	waiting []*waiter
}

// queue is of one reader, as long as it has a turn or waits for one.
type queue struct {
	held, waiting int
	last          int // the number of the turn that it was given last
}

// waiter is who waits for a turn, which is granted by closing it.
type waiter struct {
	reader string
	turn   chan struct{}
}

// take waits for a turn of the reader; done gives it back. With now it does not wait: the
// error is view.ErrNoTurn then, as it is when the time for waiting is over.
func (t *turns) take(ctx context.Context, reader string, now bool) (done func(), err error) {
	w := t.enter(reader)
	if !now {
		select {
		case <-w.turn:
		case <-ctx.Done():
		}
	}
	if none := t.giveUp(w); none != nil {
		if now || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, none
		}
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() { t.leave(reader) }), nil
}

func (t *turns) enter(reader string) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.readers == nil {
		t.readers = map[string]*queue{}
	}
	if t.readers[reader] == nil {
		t.readers[reader] = &queue{}
	}
	t.readers[reader].waiting++
	w := &waiter{reader, make(chan struct{})}
	t.waiting = append(t.waiting, w)
	t.grant()
	return w
}

// giveUp ends the waiting. The error says what was waited for; it is nil where a turn has
// been granted.
func (t *turns) giveUp(w *waiter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.Index(t.waiting, w)
	if at < 0 {
		return nil
	}
	t.waiting = slices.Delete(t.waiting, at, at+1)
	q := t.readers[w.reader]
	q.waiting--
	t.forget(w.reader)
	return model.As(view.ErrNoTurn, model.As(model.ErrTransient, errors.New(reasonOf(q.held, t.taken))))
}

// reasonOf says why there is no turn for a reader who has some of those that are taken.
func reasonOf(own, taken int) string {
	switch own {
	case 0:
		return fmt.Sprintf("%d diffs are being made, as many as may be at a time.", taken)
	case 1:
		return "Another diff of your own is being made, and the turn that is left is for others."
	}
	return fmt.Sprintf("%d of your own diffs are being made, as many as you may have at a time.", own)
}

func (t *turns) leave(reader string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	t.readers[reader].held--
	t.grant()
	t.forget(reader)
}

// forget drops a reader of whom nothing is left. The caller holds mu.
func (t *turns) forget(reader string) {
	if q := t.readers[reader]; q.held == 0 && q.waiting == 0 {
		delete(t.readers, reader)
	}
}

// grant gives out what is free, as long as there is somebody who may have it. The caller
// holds mu.
func (t *turns) grant() {
	for at := t.next(); at >= 0; at = t.next() {
		w := t.waiting[at]
		t.waiting = slices.Delete(t.waiting, at, at+1)
		t.taken++
		t.given++
		q := t.readers[w.reader]
		q.held, q.waiting, q.last = q.held+1, q.waiting-1, t.given
		close(w.turn)
	}
}

// next is the index of who gets a turn, -1 if nobody may.
func (t *turns) next() int {
	best := -1
	for i, w := range t.waiting {
		q := t.readers[w.reader]
		if t.may(q) && (best < 0 || q.before(t.readers[t.waiting[best].reader])) {
			best = i
		}
	}
	return best
}

// may reports whether a reader may have one of the turns that are free.
func (t *turns) may(q *queue) bool {
	if q.held == 0 {
		return t.taken < mostDiffs
	}
	return q.held < mostDiffsEach && t.taken < mostDiffs-1
}

// before reports whether a reader's turn comes before another's.
func (q *queue) before(other *queue) bool {
	return cmp.Or(cmp.Compare(q.held, other.held), cmp.Compare(q.last, other.last)) < 0
}
