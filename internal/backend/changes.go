package backend

import (
	"context"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// changes are apps that something has happened to, each once.
type changes struct {
	wake chan struct{}

	mu      sync.Mutex
	apps    map[model.AppKey]bool
	waiting []chan struct{}
}

func newChanges() *changes {
	return &changes{wake: make(chan struct{}, 1), apps: map[model.AppKey]bool{}}
}

// add never blocks.
func (c *changes) add(key model.AppKey) {
	c.mu.Lock()
	c.apps[key] = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// wait returns a channel that is closed once what was added before has been seen to.
func (c *changes) wait() <-chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	c.waiting = append(c.waiting, done)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return done
}

func (c *changes) take() (apps map[model.AppKey]bool, waiting []chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	apps, waiting = c.apps, c.waiting
	c.apps, c.waiting = map[model.AppKey]bool{}, nil
	return apps, waiting
}

// Settled is closed once the lines of all apps that Changed told of are there.
func (b *Backend) Settled() <-chan struct{} { return b.changed.wait() }

// Changed tells that an app's object or state may be another. It never blocks.
func (b *Backend) Changed(key model.AppKey) { b.changed.add(key) }

// Touch tells that something of the topic may be another.
func (b *Backend) Touch(topic view.Topic) { b.board.Touch(topic) }

// RightsChanged tells everybody who watches anything that they may see something else now.
func (b *Backend) RightsChanged() { b.board.TouchAll() }

// keepBoard makes the lines of changed apps anew until ctx ends.
func (b *Backend) keepBoard(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.changed.wake:
		}
		apps, waiting := b.changed.take()
		for key := range apps {
			if ctx.Err() != nil {
				return
			}
			b.renew(ctx, key)
		}
		for _, done := range waiting {
			close(done)
		}
	}
}

// renew makes an app's line anew and notes what has happened since the last.
func (b *Backend) renew(ctx context.Context, key model.AppKey) {
	before, had := b.board.Get(key)
	obj, err := b.object(ctx, key)
	if err != nil || !b.isDeclared(key) {
		if had && (err == nil || isGone(err)) {
			b.board.Remove(key)
			delete(b.contents, key)
			b.note(b.activity(before, view.ActivityDeleted, "no longer declared"))
		}
		return
	}
	report, reported := b.Engine.Report(key)
	b.seen.see(report)
	now := b.row(ctx, obj, report, reported)
	if had {
		now.Changed = time.Time{} // the board knows
	}
	if !b.board.Put(now, b.Now()) {
		b.board.Touch(view.TopicApp(key)) // the line is the same; the operation may be another
	}
	b.board.Touch(view.TopicTree(key))
	switch {
	case had:
		b.tell(before, now, report)
	case now.Created.After(b.started):
		b.note(b.activity(now, view.ActivityCreated, "declared"))
	}
}
