package source

import (
	"container/list"
	"context"
	"sync"
)

// lru is a bounded cache. Values have a weight; the ones used last stay.
type lru[K comparable, V any] struct {
	mu     sync.Mutex
	limit  int
	weight int
	order  *list.List // of *lruItem, newest first
	items  map[K]*list.Element
}

type lruItem[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, order: list.New(), items: map[K]*list.Element{}}
}

func (c *lru[K, V]) load(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		var zero V
		return zero, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*lruItem[K, V]).value, true
}

func (c *lru[K, V]) store(key K, value V, weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok || weight > c.limit {
		return
	}
	c.items[key] = c.order.PushFront(&lruItem[K, V]{key, value, weight})
	for c.weight += weight; c.weight > c.limit; {
		oldest := c.order.Back()
		item := c.order.Remove(oldest).(*lruItem[K, V])
		delete(c.items, item.key)
		c.weight -= item.weight
	}
}

// limiter lets a few callers at a time use each host, so that one that hangs
// holds up only its own repositories.
type limiter struct {
	each int

	mu    sync.Mutex
	hosts map[string]chan struct{}
}

func newLimiter(each int) *limiter { return &limiter{each: each, hosts: map[string]chan struct{}{}} }

// enter waits for a place; leave gives it back.
func (l *limiter) enter(ctx context.Context, host string) (leave func(), err error) {
	l.mu.Lock()
	places, ok := l.hosts[host]
	if !ok {
		places = make(chan struct{}, l.each)
		l.hosts[host] = places
	}
	l.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
