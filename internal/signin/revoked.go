package signin

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Revocations remember which tokens were ended before their time.
type Revocations interface {
	// Revoke remembers the id until then, and longer if that is easier.
	Revoke(ctx context.Context, id string, until time.Time) error
	// Revoked reports whether the id was revoked.
	Revoked(ctx context.Context, id string) (bool, error)
}

const (
	// unrevoked is how long it is believed that a token is not revoked: so long does a
	// session last at one replica that was ended at another.
	unrevoked = 5 * time.Second
	// remembered bounds the answers that are kept.
	remembered = 20_000
)

// revoked remembers answers of a store.
type revoked struct {
	store Revocations
	// ends is told of each end that becomes known.
	ends func(id string)

	mu sync.Mutex
	// ended and open say until when an answer holds.
	ended, open map[string]time.Time
}

func newRevoked(store Revocations) *revoked {
	return &revoked{store: store, ends: func(string) {}, ended: map[string]time.Time{}, open: map[string]time.Time{}}
}

func (c *revoked) revoke(ctx context.Context, id string, until time.Time) error {
	if err := c.store.Revoke(ctx, id, until); err != nil {
		return fmt.Errorf("ending the session: %w", err)
	}
	c.end(id, until)
	return nil
}

// check is nil if the token is not revoked. Where nobody knows it is refused.
func (c *revoked) check(ctx context.Context, id string, expires time.Time) error {
	ended, known := c.recall(id)
	if !known {
		var err error
		if ended, err = c.store.Revoked(ctx, id); err != nil {
			return model.As(model.ErrTransient, fmt.Errorf("finding out whether the session has ended: %w", err))
		}
		if ended {
			c.end(id, expires)
		} else {
			ended = c.leave(id)
		}
	}
	if ended {
		return ErrExpired
	}
	return nil
}

func (c *revoked) recall(id string) (ended, known bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if until, ok := c.ended[id]; ok && now.Before(until) {
		return true, true
	}
	until, ok := c.open[id]
	return false, ok && now.Before(until)
}

func (c *revoked) end(id string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, id)
	sweep(c.ended)
	c.ended[id] = until
	c.ends(id)
}

// leave notes that the store knew of no end. It reports whether there was one after the
// store was asked.
func (c *revoked) leave(id string) (ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.ended[id]; ok {
		return true
	}
	sweep(c.open)
	c.open[id] = time.Now().Add(unrevoked)
	return false
}

// sweep makes room: what is over goes first, then all, and the store is asked again.
func sweep(m map[string]time.Time) {
	if len(m) < remembered {
		return
	}
	now := time.Now()
	for id, until := range m {
		if !now.Before(until) {
			delete(m, id)
		}
	}
	if len(m) >= remembered {
		clear(m)
	}
}

// memory are revocations that a restart forgets.
type memory struct {
	mu    sync.Mutex
	until map[string]time.Time
}

var _ Revocations = (*memory)(nil)

func newMemory() *memory { return &memory{until: map[string]time.Time{}} }

func (m *memory) Revoke(_ context.Context, id string, until time.Time) error {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for other, at := range m.until {
		if !now.Before(at) {
			delete(m.until, other)
		}
	}
	m.until[id] = until
	return nil
}

func (m *memory) Revoked(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.until[id]
	return ok, nil
}
