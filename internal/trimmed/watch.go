// Package trimmed changes the events of a watch on their way, so that what receives them
// never holds whole objects. It is no cache and knows nothing of what it passes on.
//
// The Filter of Kubernetes' package watch does not do for that: it stands still for ever
// when it is stopped while an event is on its way.
package trimmed

import (
	"sync"

	"k8s.io/apimachinery/pkg/watch"
)

// Watch is a watch whose events are another's, changed. Nothing arrives before Run.
type Watch struct {
	from watch.Interface
	trim func(watch.Event) (watch.Event, bool)
	out  chan watch.Event
	done chan struct{}
	once sync.Once
}

var _ watch.Interface = (*Watch)(nil)

// New passes the events of a watch on through trim, which says whether to keep each. It
// owns the watch from then on.
func New(from watch.Interface, trim func(watch.Event) (watch.Event, bool)) *Watch {
	return &Watch{from: from, trim: trim, out: make(chan watch.Event), done: make(chan struct{})}
}

// Run passes events on until the watch is stopped or ends by itself, and closes
// ResultChan.
func (w *Watch) Run() {
	defer close(w.out)
	for {
		select {
		case <-w.done:
			return
		case e, open := <-w.from.ResultChan():
			if !open || !w.pass(e) {
				return
			}
		}
	}
}

// pass reports whether the watch goes on.
func (w *Watch) pass(e watch.Event) bool {
	e, keep := w.trim(e)
	if !keep {
		return true
	}
	select {
	case w.out <- e:
		return true
	case <-w.done:
		return false
	}
}

// ResultChan implements watch.Interface.
func (w *Watch) ResultChan() <-chan watch.Event { return w.out }

// Stop implements watch.Interface: it ends Run, whether anybody receives or not.
func (w *Watch) Stop() {
	w.once.Do(func() { close(w.done) })
	w.from.Stop()
}
