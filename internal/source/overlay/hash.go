package overlay

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// summary is what is remembered about a folder: for hashes what can be seen in
// it, for rules whether there are some.
type summary struct {
	hash string
	// plain: nothing is hidden or added, so hash is the tree's own.
	plain bool
	// climb is how many levels the links beneath lead above the folder, at most.
	climb int
	some  bool
}

// Cache remembers what was found out about folders, by their content. It is
// emptied when it is full. Several goroutines may use it.
type Cache struct {
	mu  sync.Mutex
	all map[string]summary
}

const maxCache = 200_000

// NewCache makes an empty cache.
func NewCache() *Cache { return &Cache{all: map[string]summary{}} }

func (c *Cache) load(key string) (summary, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.all[key]
	return s, ok
}

func (c *Cache) store(key string, s summary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= maxCache {
		clear(c.all)
	}
	c.all[key] = s
}

// digest is a digest of values that have a JSON form.
func digest(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Hash is the content hash of a file or of what can be seen in a folder. A folder
// with a link that leads out of it also depends on the smallest folder around it
// that holds what its links lead to.
func (t *Tree) Hash(name string) (string, error) {
	n, err := t.find("hash", name, true)
	if err != nil {
		return "", err
	}
	if !n.mode.IsDir() {
		hash, err := n.tree.Hash(n.at)
		return hash, wrap(n, "hash", err)
	}
	hash, err := t.hashDir(n)
	return hash, wrap(n, "hash", err)
}

func wrap(n node, op string, err error) error {
	if err == nil {
		return nil
	}
	return n.error(op, err)
}

func (t *Tree) hashDir(n node) (string, error) {
	s, err := t.summary(n)
	if err != nil || s.climb <= 0 || n.path == "." {
		return s.hash, err
	}
	around := n.path
	for up := s.climb; up > 0 && around != "."; up-- {
		around = path.Dir(around)
	}
	outer, err := t.resolve(around, true, t.child)
	if err != nil {
		return "", err
	}
	outerHash, err := t.hashDir(outer)
	return digest(s.hash, "in", outerHash), err
}

// whole reports whether nothing is cut out of or placed into a folder but by
// rules.
func (t *Tree) whole(dir node) bool {
	if len(t.sparse) > 0 && dir.tree == t.base && !slices.ContainsFunc(t.sparse, func(kept string) bool {
		return dir.path == kept || strings.HasPrefix(dir.path, kept+"/")
	}) {
		return false
	}
	for _, g := range t.grafts {
		if dir.path == "." || strings.HasPrefix(g.to, dir.path+"/") {
			return false
		}
	}
	return true
}

// summary looks at what can be seen in a folder.
func (t *Tree) summary(dir node) (summary, error) {
	set, err := t.rules.in(dir.path)
	if err != nil {
		return summary{}, err
	}
	key, own := "", ""
	if dir.tree != nil {
		if own, err = dir.tree.Hash(dir.at); err != nil {
			return summary{}, err
		}
	}
	if dir.tree != nil && t.whole(dir) {
		key = digest(dir.path, set.id, own)
		if s, ok := t.cache.load(key); ok {
			return s, nil
		}
	}
	s, err := t.look(dir)
	if err != nil {
		return summary{}, err
	}
	if s.plain {
		s.hash = own
	}
	if key != "" {
		t.cache.store(key, s)
	}
	return s, nil
}

func (t *Tree) look(dir node) (summary, error) {
	all, err := t.all(dir)
	if err != nil {
		return summary{}, err
	}
	s := summary{plain: dir.tree != nil}
	lines := make([]string, 0, len(all))
	for _, n := range all {
		seen, err := t.sees(n)
		if err != nil {
			return summary{}, err
		}
		if !seen {
			s.plain = false
			continue
		}
		one, err := t.entry(n)
		if err != nil {
			return summary{}, err
		}
		s.plain = s.plain && one.plain && n.tree == dir.tree && n.at == path.Join(dir.at, path.Base(n.path))
		s.climb = max(s.climb, one.climb)
		lines = append(lines, fmt.Sprintf("%s %s %s", n.mode.Type(), one.hash, path.Base(n.path)))
	}
	s.hash = digest(lines)
	return s, nil
}

// entry is the summary of something in a folder, as seen from that folder.
func (t *Tree) entry(n node) (summary, error) {
	switch {
	case n.isLink():
		to, err := n.link()
		if err != nil {
			// Whoever follows it gets the error; it leads nowhere.
			return summary{hash: err.Error(), plain: true}, nil
		}
		return summary{hash: to, plain: true, climb: climb(to)}, nil
	case n.mode.IsDir():
		s, err := t.summary(n)
		s.climb--
		return s, err
	}
	hash, err := n.tree.Hash(n.at)
	return summary{hash: hash, plain: true}, err
}

// climb is how many levels a link leads up. With ".." only at its beginning that
// is their number, as the folders above are no links; anything else might lead
// anywhere.
func climb(to string) int {
	const anywhere = 1 << 20
	up := 0
	for rest, more := to, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part != ".." {
			if strings.Contains("/"+rest+"/", "/../") {
				return anywhere
			}
			break
		}
		up++
	}
	return up
}
