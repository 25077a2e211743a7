package board

import (
	"cmp"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Board holds the line of each app. Its methods may be called concurrently.
type Board struct {
	topics
	idle chan *work // what queries have used, to be used again

	mu sync.RWMutex
	// rows are in the order of byName. A query that reads them has set shared: then
	// they are copied before they are changed.
	rows   []*row
	shared bool
	// gone are the newest removals, oldest first; forgotten is the version of the last
	// that is no longer among them.
	gone      []*row
	forgotten uint64
	version   uint64
}

// remembered is how many removals are kept to tell readers of.
const remembered = 64

// New makes an empty board.
func New() *Board {
	return &Board{
		topics: topics{waiting: map[view.Topic]map[chan struct{}]struct{}{}},
		idle:   make(chan *work, 4),
	}
}

// Put adds the app's line or replaces it, and reports whether that has changed
// anything; if so, it gives the line the next version and touches view.TopicApps and
// the app's own. app.Version does not count. If app.Changed is zero it stays what it
// was, or becomes now if sync, health, revision, phase or suspension differ. The
// caller never changes what app refers to again.
func (b *Board) Put(app view.App, now time.Time) bool {
	if !b.put(app, now) {
		return false
	}
	b.touchApp(app.Key)
	return true
}

func (b *Board) put(app view.App, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, found := b.find(app.Key)
	if found {
		old := b.rows[at].app
		if app.Changed.IsZero() && sameState(&old, &app) {
			app.Changed = old.Changed
		}
		if app.Version = old.Version; reflect.DeepEqual(old, app) {
			return false
		}
	}
	if app.Changed.IsZero() {
		app.Changed = now
	}
	b.version++
	app.Version = b.version
	b.own(1)
	if found {
		b.rows[at] = newRow(app)
	} else {
		b.rows = slices.Insert(b.rows, at, newRow(app))
	}
	return true
}

func sameState(a, b *view.App) bool {
	return a.Sync == b.Sync && a.Health == b.Health && a.Revision == b.Revision && a.Phase == b.Phase &&
		a.Suspended == b.Suspended && a.Deleting == b.Deleting
}

// own makes rows the board's own again if a query reads them, with room for more.
func (b *Board) own(more int) {
	if b.shared {
		b.rows = append(make([]*row, 0, len(b.rows)+more), b.rows...)
		b.shared = false
	}
}

// Remove takes the app's line away, and reports whether there was one; if so, it
// touches view.TopicApps and the app's own.
func (b *Board) Remove(key model.AppKey) bool {
	if !b.remove(key) {
		return false
	}
	b.touchApp(key)
	return true
}

func (b *Board) remove(key model.AppKey) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, found := b.find(key)
	if !found {
		return false
	}
	b.own(0)
	last := &row{app: b.rows[at].app}
	b.rows = slices.Delete(b.rows, at, at+1)
	b.version++
	last.app.Version = b.version
	// A query may be reading the old list, so it is not moved in place.
	drop := max(0, len(b.gone)+1-remembered)
	if drop > 0 {
		b.forgotten = b.gone[drop-1].app.Version
	}
	b.gone = append(slices.Clone(b.gone[drop:]), last)
	return true
}

// Get is the app's line.
func (b *Board) Get(key model.AppKey) (view.App, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	at, found := b.find(key)
	if !found {
		return view.App{}, false
	}
	return b.rows[at].app, true
}

// Each visits each app's line as they are at one moment, by name. The lines must not be
// changed.
func (b *Board) Each(visit func(*view.App)) {
	for _, r := range b.state().rows {
		visit(&r.app)
	}
}

// Len is how many apps there are.
func (b *Board) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.rows)
}

// find is where the app is in rows, or would be. The caller holds mu.
func (b *Board) find(key model.AppKey) (int, bool) {
	return slices.BinarySearchFunc(b.rows, key, func(r *row, k model.AppKey) int { return compareKeys(r.app.Key, k) })
}

// compareKeys orders apps by name; of the same name by namespace and dialect.
func compareKeys(a, b model.AppKey) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Dialect, b.Dialect))
}

// state is what there is at one moment, which nobody changes.
type state struct {
	rows, gone []*row
	forgotten  uint64
}

func (b *Board) state() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shared = true
	return state{rows: b.rows, gone: b.gone, forgotten: b.forgotten}
}
