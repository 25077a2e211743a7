package render

import (
	"container/list"
	"context"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
)

// scanned is how many entries of the same settings are tried against a tree.
// Apps of different repositories may have equal settings; they are told apart
// by the content of their path first, and by trying only if that fails.
const scanned = 16

// memo remembers outcomes, the least recently used going first.
type memo struct {
	maxEntries int
	maxBytes   int64

	mu     sync.Mutex
	used   *list.List // of *entry, newest use first
	bytes  int64
	bySpec map[model.Digest]map[*entry]struct{}
	byTop  map[flight]*entry
}

// entry is a remembered outcome. Its place and key change under memo.mu, the
// rest never.
type entry struct {
	place *list.Element
	key   flight
	done  job.Outcome
	bytes int64
}

func newMemo(entries int, bytes int64) *memo {
	return &memo{
		maxEntries: entries,
		maxBytes:   bytes,
		used:       list.New(),
		bySpec:     map[model.Digest]map[*entry]struct{}{},
		byTop:      map[flight]*entry{},
	}
}

// find returns the outcome of an earlier render with these settings whose
// reads would all give the same in in. It reads no file.
func (m *memo) find(ctx context.Context, spec model.Digest, top string, in model.RenderInput) (job.Outcome, bool) {
	for _, candidate := range m.candidates(flight{spec, top}) {
		if input.Unchanged(ctx, candidate.done.Reads, in) {
			m.touch(candidate, flight{spec, top})
			return candidate.done, true
		}
	}
	return job.Outcome{}, false
}

// candidates are the entries to try, the likeliest first.
func (m *memo) candidates(key flight) []*entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []*entry
	likely := m.byTop[key]
	if likely != nil {
		found = append(found, likely)
	}
	for e := range m.bySpec[key.spec] {
		if len(found) > scanned {
			break
		}
		if e != likely {
			found = append(found, e)
		}
	}
	return found
}

// touch makes e the newest and finds it by key from now on.
func (m *memo) touch(e *entry, key flight) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, kept := m.bySpec[key.spec][e]; !kept {
		return
	}
	m.used.MoveToFront(e.place)
	if m.byTop[e.key] == e {
		delete(m.byTop, e.key)
	}
	e.key = key
	m.byTop[key] = e
}

func (m *memo) add(spec model.Digest, top string, done job.Outcome) {
	key := flight{spec, top}
	size := sizeOf(done)
	if size > m.maxBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.byTop[key]; old != nil {
		m.remove(old)
	}
	e := &entry{key: key, done: done, bytes: size}
	e.place = m.used.PushFront(e)
	m.bytes += size
	m.byTop[key] = e
	if m.bySpec[spec] == nil {
		m.bySpec[spec] = map[*entry]struct{}{}
	}
	m.bySpec[spec][e] = struct{}{}
	for m.used.Len() > m.maxEntries || m.bytes > m.maxBytes {
		m.remove(m.used.Back().Value.(*entry))
	}
}

// remove needs m.mu.
func (m *memo) remove(e *entry) {
	m.used.Remove(e.place)
	m.bytes -= e.bytes
	if m.byTop[e.key] == e {
		delete(m.byTop, e.key)
	}
	delete(m.bySpec[e.key.spec], e)
	if len(m.bySpec[e.key.spec]) == 0 {
		delete(m.bySpec, e.key.spec)
	}
}

// sizeOf is about what an outcome takes in memory.
func sizeOf(done job.Outcome) int64 {
	const perObject, perRead = 300, 150
	size := int64(len(done.Rendered.Objects)*perObject + len(done.Reads)*perRead)
	for _, o := range done.Rendered.Objects {
		size += int64(len(o.JSON))
	}
	return size
}
