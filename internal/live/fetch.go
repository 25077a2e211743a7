package live

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fetch is a list that is read once, for all who ask for it within some seconds.
type fetch struct {
	done    chan struct{}
	listing listing
	err     error
	stop    context.CancelFunc
	// waiting counts who waits for it, guarded by the cluster's mutex.
	waiting int
	expiry  *time.Timer
}

// read is what is at p: what a watch keeps, if there is one, or else a list.
func (c *Cluster) read(ctx context.Context, p place) (listing, error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return listing{}, errClosed
	}
	if s := c.scopes[p]; s != nil {
		c.mu.Unlock()
		return s.read(ctx)
	}
	f := c.fetches[p]
	if f == nil {
		f = c.fetchLocked(p)
	}
	f.waiting++
	c.mu.Unlock()
	defer c.leave(p, f)
	select {
	case <-f.done:
		return f.listing, f.err
	case <-ctx.Done():
		return listing{}, unread(p, ctx.Err())
	case <-c.ctx.Done():
		return listing{}, errClosed
	}
}

// fetchLocked begins to read what is at p.
func (c *Cluster) fetchLocked(p place) *fetch {
	ctx, cancel := context.WithTimeout(c.ctx, patienceForLists*c.cfg.Patience)
	f := &fetch{done: make(chan struct{}), stop: cancel}
	f.expiry = time.AfterFunc(time.Hour, func() { c.forget(p, f) })
	c.fetches[p] = f
	c.spawnLocked(func() {
		defer cancel()
		l, err := c.list(ctx, p, "0")
		f.listing, f.err = l, unread(p, err)
		c.mu.Lock()
		f.expiry.Reset(c.cfg.Fresh)
		c.mu.Unlock()
		close(f.done)
	})
	return f
}

// fresh is what was read of p just now, if it was: a watch can go on from there.
func (c *Cluster) fresh(p place) (listing, bool) {
	c.mu.Lock()
	f := c.fetches[p]
	c.mu.Unlock()
	if f == nil {
		return listing{}, false
	}
	select {
	case <-f.done:
		return f.listing, f.err == nil
	default:
		return listing{}, false
	}
}

func (c *Cluster) forget(p place, f *fetch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetches[p] == f {
		delete(c.fetches, p)
	}
}

// leave ends a list that nobody waits for any more.
func (c *Cluster) leave(p place, f *fetch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return
	}
	select {
	case <-f.done:
	default:
		f.stop()
		f.expiry.Stop()
		if c.fetches[p] == f {
			delete(c.fetches, p)
		}
	}
}

func unread(p place, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: the cluster did not answer in time: %w", p.title(), err)
	}
	return explain("listing "+p.title(), err)
}
