package board

import (
	"context"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// topics knows who waits for what.
type topics struct {
	watchers sync.RWMutex
	waiting  map[view.Topic]map[chan struct{}]struct{} // guarded by watchers
}

// Watch returns a channel that gets a value some time after the topic was touched;
// several touches may be one. It is closed when ctx ends.
func (t *topics) Watch(ctx context.Context, topic view.Topic) <-chan struct{} {
	ch := make(chan struct{}, 1)
	t.watchers.Lock()
	defer t.watchers.Unlock()
	if t.waiting[topic] == nil {
		t.waiting[topic] = map[chan struct{}]struct{}{}
	}
	t.waiting[topic][ch] = struct{}{}
	context.AfterFunc(ctx, func() { t.leave(topic, ch) })
	return ch
}

func (t *topics) leave(topic view.Topic, ch chan struct{}) {
	t.watchers.Lock()
	defer t.watchers.Unlock()
	delete(t.waiting[topic], ch)
	if len(t.waiting[topic]) == 0 {
		delete(t.waiting, topic)
	}
	close(ch)
}

// Touch tells those who watch the topic that it has changed. It does not wait for them.
func (t *topics) Touch(topic view.Topic) {
	t.watchers.RLock()
	defer t.watchers.RUnlock()
	wake(t.waiting[topic])
}

// wake does not wait for who has not taken the last signal: it will look anyway.
func wake(waiting map[chan struct{}]struct{}) {
	for ch := range waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// TouchAll tells everybody: what they may see may be something else.
func (t *topics) TouchAll() {
	t.watchers.RLock()
	defer t.watchers.RUnlock()
	for _, waiting := range t.waiting {
		wake(waiting)
	}
}

// Watched reports whether anybody watches the topic.
func (t *topics) Watched(topic view.Topic) bool {
	t.watchers.RLock()
	defer t.watchers.RUnlock()
	return len(t.waiting[topic]) > 0
}

// touchApp touches what concerns an app's line.
func (t *topics) touchApp(key model.AppKey) {
	t.Touch(view.TopicApps)
	t.watchers.RLock()
	idle := len(t.waiting) == 0
	t.watchers.RUnlock()
	if !idle {
		t.Touch(view.TopicApp(key))
	}
}
