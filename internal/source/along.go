package source

import (
	"context"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
)

const (
	// alongFactor bounds how many files of a commit are taken along and lie unread: so
	// many times those that were read.
	alongFactor = 4
	// maxAround is how many files around a folder are looked at for some to take along, and
	// how many folders.
	maxAround = 10 * maxBatch
	// aloneAfter is how many fetches take nothing along after one that has failed.
	aloneAfter = 20
)

// along is what was fetched of a commit without having been asked for. Who reads folder
// after folder of a large repository, as many apps do, asks the remote a few times and not
// for each; who reads a few folders gets little else.
type along struct {
	mu sync.Mutex
	// read is how many files were asked for.
	read int
	// unread were taken along, and not asked for since.
	unread map[oid]bool
	// alone is how many fetches more take nothing along.
	alone int
}

// ask notes that files are asked for, so many of them missing, and says how many others may
// be taken along with these, by what was read before.
func (a *along) ask(ids []oid, missing int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		if len(a.unread) == 0 {
			break
		}
		if a.unread[id] {
			delete(a.unread, id)
			a.read++
		}
	}
	more := alongFactor*a.read - len(a.unread)
	a.read += missing
	return min(max(more, 0), maxBatch)
}

// may reports whether a fetch may take anything along.
func (a *along) may() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.alone == 0 {
		return true
	}
	a.alone--
	return false
}

// failed notes that a fetch has failed which took others along. They may be why, such as
// by their size: what somebody keeps in a folder must not keep the apps of others waiting.
func (a *along) failed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alone = aloneAfter
}

func (a *along) take(ids []oid) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unread == nil {
		a.unread = map[oid]bool{}
	}
	for _, id := range ids {
		a.unread[id] = true
	}
}

// around are up to n missing files near a folder, and none that would be missed: what
// can't be found out is left out.
func (c *content) around(dir string, n int) []oid {
	next, stop := iter.Pull(c.neighbours(dir))
	defer stop()
	var out []oid
	for seen := 0; seen < maxAround && len(out) < n; seen += maxBatch {
		var some []oid
		for id, ok := next(); ok; id, ok = next() {
			if some = append(some, id); len(some) == maxBatch {
				break
			}
		}
		_, err := c.withMissing(some, func(_ context.Context, missing []oid) error {
			out = append(out, missing[:min(len(missing), n-len(out))]...)
			return nil
		})
		if err != nil || len(some) < maxBatch {
			break
		}
	}
	return out
}

// neighbours are the files around a folder: of its parent those behind it, then those
// before it, the nearest first; then those around the parent.
func (c *content) neighbours(dir string) iter.Seq[oid] {
	return func(yield func(oid) bool) {
		levels := c.levels(dir)
		parts := strings.Split(path.Clean(dir), "/")
		seen := map[oid]bool{}
		for i, level := range slices.Backward(levels) {
			at, _ := called(level, parts[i])
			before := slices.Clone(level[:at])
			slices.Reverse(before)
			for _, e := range slices.Concat(level[at+1:], before) {
				if !c.files(e, seen, yield) {
					return
				}
			}
		}
	}
}

// levels are the entries of the folders above a folder, from the root on.
func (c *content) levels(dir string) (levels [][]entry) {
	id := c.root
	for part := range strings.SplitSeq(path.Clean(dir), "/") {
		entries, err := c.entries(id)
		if err != nil {
			return nil
		}
		levels = append(levels, entries)
		at, ok := called(entries, part)
		if !ok {
			return nil
		}
		id = entries[at].id
	}
	return levels
}

// files yields the file that an entry is, or those beneath the folder that it is, unless
// the same folder was seen: a few that hold each other many times have no end.
func (c *content) files(e entry, seen map[oid]bool, yield func(oid) bool) bool {
	switch {
	case e.isRepo(), seen[e.id]:
		return true
	case !e.isTree():
		return yield(e.id)
	case len(seen) == maxAround:
		return false
	}
	seen[e.id] = true
	entries, err := c.entries(e.id)
	if err != nil {
		return false
	}
	for _, inside := range entries {
		if !c.files(inside, seen, yield) {
			return false
		}
	}
	return true
}
