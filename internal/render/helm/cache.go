package helm

import (
	"container/list"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxCached bounds the text of the charts that are kept, in bytes.
const maxCached = 16 << 20

// charts are those that were parsed last, by the digest of their files: many
// apps share a chart.
var charts = newCache(maxCached)

// cache keeps charts up to a size, the last used ones.
type cache struct {
	max int

	mu    sync.Mutex
	size  int
	known map[model.Digest]*list.Element
	used  *list.List // of cached, the last used first
}

type cached struct {
	key   model.Digest
	chart *loaded
}

func newCache(max int) *cache {
	return &cache{max: max, known: map[model.Digest]*list.Element{}, used: list.New()}
}

func (c *cache) get(key model.Digest) *loaded {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.known[key]
	if e == nil {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(cached).chart
}

// put keeps a chart unless it alone is a large part of what is allowed.
func (c *cache) put(key model.Digest, l *loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[key] != nil || l.size > c.max/4 {
		return
	}
	c.known[key] = c.used.PushFront(cached{key, l})
	for c.size += l.size; c.size > c.max; {
		last := c.used.Remove(c.used.Back()).(cached)
		delete(c.known, last.key)
		c.size -= last.chart.size
	}
}
