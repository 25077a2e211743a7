package access

import (
	"hash/maphash"
	"slices"
	"sync"
)

// Bounds of what is remembered; what is beyond them is worked out anew.
const (
	maxReaders = 1024
	maxTables  = 512
)

// memory remembers what was worked out of a policy: whoever lists ten thousand apps
// asks the same of ten thousand objects.
type memory struct {
	mu      sync.RWMutex
	readers map[uint64]*reader
}

// reader is an identity, with what it may.
type reader struct {
	id     Identity
	mu     sync.RWMutex
	tables map[tableKey]table

	once   sync.Once
	rights string
}

// tableKey says what was asked, but for the object.
type tableKey struct{ resource, action, project string }

// table are the verdicts of the voices of a reader. Voices of which no line allows
// anything are not in it.
type table []verdict

// may reports whether some voice has the right to the object.
func (t table) may(object string) bool {
	for _, v := range t {
		if ok, _ := v.of(object); ok {
			return true
		}
	}
	return false
}

var seed = maphash.MakeSeed()

func hash(id Identity) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, [2]bool{id.Anonymous, id.Local})
	maphash.WriteComparable(&h, id.Subject)
	for _, group := range id.Groups {
		maphash.WriteComparable(&h, group)
	}
	return h.Sum64()
}

// same reports whether two identities have the same rights by any policy.
func same(a, b Identity) bool {
	return a.Anonymous == b.Anonymous && a.Local == b.Local && a.Subject == b.Subject && slices.Equal(a.Groups, b.Groups)
}

// reader finds the reader of an identity.
func (m *memory) reader(id Identity) *reader {
	key := hash(id)
	m.mu.RLock()
	r := m.readers[key]
	m.mu.RUnlock()
	if r != nil && same(r.id, id) {
		return r
	}
	id.Groups = slices.Clone(id.Groups)
	r = &reader{id: id, tables: map[tableKey]table{}}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readers == nil || len(m.readers) >= maxReaders {
		m.readers = map[uint64]*reader{}
	}
	m.readers[key] = r
	return r
}

// table finds what a reader may do with objects of a project.
func (p *policy) table(r *reader, key tableKey) table {
	r.mu.RLock()
	t, ok := r.tables[key]
	r.mu.RUnlock()
	if ok {
		return t
	}
	for _, voice := range p.voices(r.id, key.project) {
		if v := p.verdict(voice, key.project, key.resource, key.action); len(v.allow) > 0 {
			t = append(t, v)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tables) >= maxTables {
		clear(r.tables)
	}
	r.tables[key] = t
	return t
}
