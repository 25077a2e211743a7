package render

import (
	"context"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// flight is a render that is likely the same as another with an equal flight:
// the same settings on the same directory.
type flight struct {
	spec model.Digest
	top  string
}

// flights let one of several equal renders go first; the others wait, and then
// find its outcome in the memo if it holds for their tree as well.
type flights struct {
	mu   sync.Mutex
	busy map[flight]chan struct{}
}

func newFlights() *flights { return &flights{busy: map[flight]chan struct{}{}} }

// enter waits for its turn. leave has to be called if err is nil.
func (f *flights) enter(ctx context.Context, key flight) (leave func(), err error) {
	for {
		f.mu.Lock()
		other, taken := f.busy[key]
		if !taken {
			mine := make(chan struct{})
			f.busy[key] = mine
			f.mu.Unlock()
			return func() { f.leave(key, mine) }, nil
		}
		f.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (f *flights) leave(key flight, mine chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, key)
	close(mine)
}
