package engine

import (
	"container/list"

	"k8s.io/client-go/util/workqueue"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// urgency says which apps are worked on first.
type urgency int

const (
	// usual is a look because content, objects or other apps may have changed.
	usual urgency = iota
	// soon is what its declaration or an operation under way waits for.
	soon
	// first is what somebody has asked for and waits for.
	first
	urgencies
)

// passedOver is how many may go before one that has waited longer.
const passedOver = 3

// lanes is the order in which apps are worked on: the most urgent first, and in the order
// of their coming among equals. Every fourth is the one that has waited longest, so that
// nobody waits for ever. The queue around it keeps an app from being in it twice, or while
// it is worked on, and guards it.
type lanes struct {
	// of says how urgent an app is now; it is called with the queue's lock held.
	of    func(model.AppKey) urgency
	lanes [urgencies]list.List // of *queued
	place map[model.AppKey]*list.Element
	// count is that of all that ever came, passed of those in a row that went before one
	// that had waited longer.
	count  int
	passed int
}

type queued struct {
	app   model.AppKey
	in    urgency
	since int
}

var _ workqueue.Queue[model.AppKey] = (*lanes)(nil)

func newQueue(of func(model.AppKey) urgency) workqueue.TypedDelayingInterface[model.AppKey] {
	order := &lanes{of: of, place: map[model.AppKey]*list.Element{}}
	return workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[model.AppKey]{
		Queue: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[model.AppKey]{Queue: order}),
	})
}

// Push implements workqueue.Queue.
func (l *lanes) Push(app model.AppKey) {
	l.count++
	l.put(&queued{app, l.of(app), l.count})
}

// Touch implements workqueue.Queue: an app that waits may have become more urgent.
func (l *lanes) Touch(app model.AppKey) {
	e := l.place[app]
	w := e.Value.(*queued)
	if now := l.of(app); now > w.in {
		l.lanes[w.in].Remove(e)
		w.in = now
		l.put(w)
	}
}

func (l *lanes) put(w *queued) { l.place[w.app] = l.lanes[w.in].PushBack(w) }

// Len implements workqueue.Queue.
func (l *lanes) Len() int { return len(l.place) }

// Pop implements workqueue.Queue.
func (l *lanes) Pop() model.AppKey {
	next, oldest := l.heads()
	if l.passed++; next == oldest || l.passed > passedOver {
		next, l.passed = oldest, 0
	}
	w := next.Value.(*queued)
	l.lanes[w.in].Remove(next)
	delete(l.place, w.app)
	return w.app
}

// heads are the most urgent that waits, and the one of all lanes' first that has waited
// longest.
func (l *lanes) heads() (next, oldest *list.Element) {
	for in := range urgencies {
		e := l.lanes[in].Front()
		if e == nil {
			continue
		}
		next = e
		if oldest == nil || e.Value.(*queued).since < oldest.Value.(*queued).since {
			oldest = e
		}
	}
	return next, oldest
}

// urgency is how soon an app that waits is worked on.
func (e *Engine) urgency(key model.AppKey) urgency {
	if s := e.app(key); s != nil {
		return s.urgency()
	}
	return usual
}
