package script

import "container/list"

// cache keeps the values that were used last. It is not for several goroutines
// at once.
type cache[K comparable, V any] struct {
	max     int
	entries map[K]*list.Element
	order   *list.List
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](most int) *cache[K, V] {
	return &cache[K, V]{max: most, entries: map[K]*list.Element{}, order: list.New()}
}

// get is the value of a key; the zero value if there is none.
func (c *cache[K, V]) get(k K) (v V) {
	e, ok := c.entries[k]
	if !ok {
		return v
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value
}

// put sets the value of a key, and forgets the one that was not used for longest
// if there are too many.
func (c *cache[K, V]) put(k K, v V) {
	if e, ok := c.entries[k]; ok {
		e.Value.(*entry[K, V]).value = v
		c.order.MoveToFront(e)
		return
	}
	c.entries[k] = c.order.PushFront(&entry[K, V]{k, v})
	if c.order.Len() > c.max {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.entries, last.Value.(*entry[K, V]).key)
	}
}
