package guard

import (
	"context"
	"sync"
)

// mostDiffs is how many diffs of one reader are made at a time: each takes renders and
// dry runs, of which there are few for everybody.
const mostDiffs = 2

// turns let each reader do so many things at a time; the others of a reader wait.
type turns struct {
	mu      sync.Mutex
	readers map[string]*queue
}

// queue is of one reader, as long as anything of its is under way or waits.
type queue struct {
	slots chan struct{}
	users int
}

// take waits for a turn of the reader; done gives it back.
func (t *turns) take(ctx context.Context, reader string) (done func(), err error) {
	q := t.enter(reader)
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; t.leave(reader, q) }, nil
	case <-ctx.Done():
		t.leave(reader, q)
		return nil, context.Cause(ctx)
	}
}

func (t *turns) enter(reader string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.readers == nil {
		t.readers = map[string]*queue{}
	}
	q := t.readers[reader]
	if q == nil {
		q = &queue{slots: make(chan struct{}, mostDiffs)}
		t.readers[reader] = q
	}
	q.users++
	return q
}

func (t *turns) leave(reader string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(t.readers, reader)
	}
}
