package live

import (
	"sync"

	"k8s.io/apimachinery/pkg/watch"
)

// trimming is a watch whose events are changed on their way. watch.Filter does not do:
// it stands still for ever if it is stopped while an event is on its way.
type trimming struct {
	from watch.Interface
	out  chan watch.Event
	done chan struct{}
	once sync.Once
}

// trimEvents passes events on through trim, which may drop them, while c lasts.
func (c *Cluster) trimEvents(from watch.Interface, trim func(watch.Event) (watch.Event, bool)) watch.Interface {
	t := &trimming{from: from, out: make(chan watch.Event), done: make(chan struct{})}
	if !c.spawn(func() { t.run(trim) }) {
		from.Stop()
		close(t.out)
	}
	return t
}

func (t *trimming) run(trim func(watch.Event) (watch.Event, bool)) {
	defer close(t.out)
	for e := range t.from.ResultChan() {
		if e, keep := trim(e); keep {
			select {
			case t.out <- e:
			case <-t.done:
				return
			}
		}
	}
}

// ResultChan implements watch.Interface.
func (t *trimming) ResultChan() <-chan watch.Event { return t.out }

// Stop implements watch.Interface.
func (t *trimming) Stop() {
	t.once.Do(func() { close(t.done) })
	t.from.Stop()
}
