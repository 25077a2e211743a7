package target

import (
	"maps"
	"slices"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Mark is how a dialect marks the objects of its apps.
type Mark struct {
	// Manager is the field manager that the dialect writes with.
	Manager string
	// Owner reads the mark; false if the object bears none.
	Owner func(labels, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool)
	// Alone: the mark names the object itself and counts by itself. Otherwise
	// (labels, which controllers copy to what they derive) it counts only on
	// objects that Manager wrote.
	Alone bool
	// Traits reads what the object asks for; nil is nothing.
	Traits func(labels, annotations map[string]string) model.Traits
}

// groupKind is a kind whatever its version.
type groupKind struct{ group, kind string }

// mirror holds the records. Its methods never block on I/O.
type mirror struct {
	// notify is called without the lock for every app that a change concerns.
	notify func(app model.AppKey, obj model.ObjectKey)

	mu      sync.RWMutex
	records map[model.ObjectKey]*Record
	owned   map[model.AppKey]map[model.ObjectKey]struct{}
	// claims and claimed say who is interested in an object; true: declares it.
	claims  map[model.ObjectKey]map[model.AppKey]bool
	claimed map[model.AppKey]map[model.ObjectKey]bool
	// asking are the objects of which an answer is under way.
	asking map[model.ObjectKey]*asked
	// closely are the objects of which every write is told, see Compare.
	closely map[model.ObjectKey]struct{}
}

// asked is what watches told of an object while an answer is under way.
type asked struct {
	answers int
	goneAt  string // the resource version at which it was gone; "" if it was not
}

func newMirror(notify func(model.AppKey, model.ObjectKey)) *mirror {
	return &mirror{
		notify:  notify,
		records: map[model.ObjectKey]*Record{},
		owned:   map[model.AppKey]map[model.ObjectKey]struct{}{},
		claims:  map[model.ObjectKey]map[model.AppKey]bool{},
		claimed: map[model.AppKey]map[model.ObjectKey]bool{},
		asking:  map[model.ObjectKey]*asked{},
		closely: map[model.ObjectKey]struct{}{},
	}
}

// expect notes that an answer with the object's state is under way, until the
// returned function is called: a watch may tell of its end before the answer
// comes, which then must not bring it back.
func (m *mirror) expect(key model.ObjectKey) (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.asking[key]
	if a == nil {
		a = &asked{}
		m.asking[key] = a
	}
	a.answers++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if a.answers--; a.answers == 0 {
			delete(m.asking, key)
		}
	}
}

// distrust makes whatever comes next count more than the records of a kind.
func (m *mirror) distrust(gk groupKind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, old := range m.records {
		if k.Group == gk.group && k.Kind == gk.kind {
			now := *old
			now.ResourceVersion = ""
			m.records[k] = &now
		}
	}
}

// keptAlways are kinds of which every object has a record: namespaces must
// exist before what lives in them, and CRDs bear no mark.
func keptAlways(k model.ObjectKey) bool {
	return k.Kind == "Namespace" && k.Group == "" || isCRD(k)
}

func isCRD(k model.ObjectKey) bool {
	return k.Kind == "CustomResourceDefinition" && k.Group == "apiextensions.k8s.io"
}

// put stores the newest state of an object, and tells the apps that it
// concerns if something changed that they would want to know of. Where it is
// the answer to a write of manager's, the app that wrote knows already; "" is
// nobody's. A state older than the record, or than the object's end, is
// ignored: a write's answer can overtake the watch, and the other way round.
func (m *mirror) put(rec *Record, manager string) {
	m.mu.Lock()
	key := rec.Ref.ObjectKey
	old := m.records[key]
	if (old != nil && newer(old.ResourceVersion, rec.ResourceVersion)) || m.endedLocked(rec) {
		m.mu.Unlock()
		return
	}
	if len(rec.Owners) == 0 && len(m.claims[key]) == 0 && !keptAlways(key) {
		// Nobody's (any more).
		concerned := m.dropLocked(key)
		m.mu.Unlock()
		m.tell(concerned, key)
		return
	}
	if old != nil {
		m.disownLocked(old.Owners, key)
	}
	for _, app := range rec.Owners {
		set(m.owned, app)[key] = struct{}{}
	}
	m.records[key] = rec
	var concerned []model.AppKey
	if _, closely := m.closely[key]; old == nil || !old.sameAs(rec) || closely && old.writes != rec.writes {
		concerned = m.concernedLocked(old, rec, key)
	}
	m.mu.Unlock()
	if writer, ok := rec.writer(manager); ok {
		concerned = slices.DeleteFunc(concerned, func(a model.AppKey) bool { return a == writer })
	}
	m.tell(concerned, key)
}

// endedLocked reports whether the object was gone after that state of it.
func (m *mirror) endedLocked(rec *Record) bool {
	a := m.asking[rec.Ref.ObjectKey]
	return a != nil && a.goneAt != "" && newer(a.goneAt, rec.ResourceVersion)
}

// deleting notes that the object's deletion was accepted, ahead of the watch.
func (m *mirror) deleting(key model.ObjectKey, uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.records[key]; old != nil && old.UID == uid {
		now := *old
		now.Terminating = true
		m.records[key] = &now
	}
}

// drop forgets an object that was gone at that resource version, unless the
// record is of a later one. An empty version drops it in any case.
func (m *mirror) drop(key model.ObjectKey, at string) {
	m.mu.Lock()
	if old := m.records[key]; old != nil && newer(old.ResourceVersion, at) {
		m.mu.Unlock()
		return
	}
	if a := m.asking[key]; a != nil {
		a.goneAt = at
	}
	concerned := m.dropLocked(key)
	m.mu.Unlock()
	m.tell(concerned, key)
}

func (m *mirror) dropLocked(key model.ObjectKey) []model.AppKey {
	old := m.records[key]
	if old == nil {
		return nil
	}
	delete(m.records, key)
	delete(m.closely, key)
	m.disownLocked(old.Owners, key)
	return m.concernedLocked(old, nil, key)
}

// concernedLocked lists the owner and the claimants, each once.
func (m *mirror) concernedLocked(old, now *Record, key model.ObjectKey) []model.AppKey {
	apps := slices.Collect(maps.Keys(m.claims[key]))
	for _, r := range []*Record{old, now} {
		if r == nil {
			continue
		}
		for _, owner := range r.Owners {
			if !slices.Contains(apps, owner) {
				apps = append(apps, owner)
			}
		}
	}
	return apps
}

func (m *mirror) tell(apps []model.AppKey, key model.ObjectKey) {
	for _, a := range apps {
		m.notify(a, key)
	}
}

func (m *mirror) disownLocked(apps []model.AppKey, key model.ObjectKey) {
	for _, app := range apps {
		if s := m.owned[app]; s != nil {
			if delete(s, key); len(s) == 0 {
				delete(m.owned, app)
			}
		}
	}
}

// unclear reports whether the object is claimed and has no record.
func (m *mirror) unclear(key model.ObjectKey) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.records[key] == nil && len(m.claims[key]) > 0
}

// record is the object's record; nil if it has none.
func (m *mirror) record(key model.ObjectKey) *Record {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.records[key]
}

// keysOf lists the objects of a kind that have a record.
func (m *mirror) keysOf(gk groupKind) []model.ObjectKey {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []model.ObjectKey
	for k := range m.records {
		if k.Group == gk.group && k.Kind == gk.kind {
			out = append(out, k)
		}
	}
	return out
}

func set[K, V comparable](m map[K]map[V]struct{}, k K) map[V]struct{} {
	if m[k] == nil {
		m[k] = map[V]struct{}{}
	}
	return m[k]
}
