package target

import (
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// claim replaces the sets of objects that the app declares and that it only
// wants to hear of. Other claimants of what it gives up are told, since they
// may take it over, and so are those of what it declares anew, as far as that
// makes a difference to them. Returned are those that it only wants to hear of, that nobody claimed until now, and that
// have no record: they may exist all the same.
func (m *mirror) claim(app model.AppKey, declared, interested []model.ObjectKey) (fresh []model.ObjectKey) {
	next := make(map[model.ObjectKey]bool, len(declared)+len(interested))
	for _, k := range interested {
		next[k] = false
	}
	for _, k := range declared {
		next[k] = true
	}
	m.mu.Lock()
	told := m.unclaimLocked(app, next)
	for k, declares := range next {
		if m.claims[k] == nil {
			m.claims[k] = map[model.AppKey]bool{}
			if !declares && m.records[k] == nil && !keptAlways(k) {
				fresh = append(fresh, k)
			}
		}
		if had := m.claims[k][app]; declares && !had && m.mattersLocked(app, k) {
			told[k] = others(m.claims[k], app)
		}
		m.claims[k][app] = declares
	}
	if m.claimed[app] = next; len(next) == 0 {
		delete(m.claimed, app)
	}
	m.mu.Unlock()
	for k, apps := range told {
		m.tell(apps, k)
	}
	return fresh
}

// fewClaimants is how many apps may declare an object before another one is no news for
// them: that it is declared by many they know.
const fewClaimants = 4

// mattersLocked reports whether that an app declares an object anew makes a difference to
// others. It does not where many do already, or else many apps that declare the same, put
// one after the other, would each be worked on as often as there are others.
func (m *mirror) mattersLocked(app model.AppKey, key model.ObjectKey) bool {
	if r := m.records[key]; r != nil && slices.Contains(r.Owners, app) {
		return true // now it counts as the owner
	}
	n := 0
	for _, declares := range m.claims[key] {
		if declares {
			n++
		}
	}
	return n <= fewClaimants
}

// unclaimLocked takes back what the app declared and no longer does, and lists
// who else has to know.
func (m *mirror) unclaimLocked(app model.AppKey, next map[model.ObjectKey]bool) map[model.ObjectKey][]model.AppKey {
	told := map[model.ObjectKey][]model.AppKey{}
	for k, declared := range m.claimed[app] {
		if declares, still := next[k]; still && (declares || !declared) {
			continue
		}
		delete(m.claims[k], app)
		if len(m.claims[k]) == 0 {
			delete(m.claims, k)
		}
		if declared {
			told[k] = others(m.claims[k], app)
		}
	}
	return told
}

func others(claims map[model.AppKey]bool, app model.AppKey) []model.AppKey {
	return slices.DeleteFunc(slices.Collect(maps.Keys(claims)), func(a model.AppKey) bool { return a == app })
}

// live is the object's record as an app sees it. Of several owners the first
// that still declares the object counts, else the app itself, else the first.
func (m *mirror) live(key model.ObjectKey, app model.AppKey, manager string) (model.Live, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := m.records[key]
	if r == nil {
		return model.Live{}, false
	}
	return r.live(manager, m.ownerLocked(r, app)), true
}

func (m *mirror) ownerLocked(r *Record, app model.AppKey) model.AppKey {
	var owner model.AppKey
	for _, o := range r.Owners {
		if m.claims[r.Ref.ObjectKey][o] {
			return o
		}
		if owner.IsZero() || o == app {
			owner = o
		}
	}
	return owner
}

// ownedBy lists the objects that bear the app's mark, by key.
func (m *mirror) ownedBy(app model.AppKey, manager string) []model.Live {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]model.Live, 0, len(m.owned[app]))
	for k := range m.owned[app] {
		out = append(out, m.records[k].live(manager, app))
	}
	slices.SortFunc(out, func(a, b model.Live) int { return a.Ref.Compare(b.Ref.ObjectKey) })
	return out
}

// claimants are the apps that declare the object.
func (m *mirror) claimants(key model.ObjectKey) []model.AppKey {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var apps []model.AppKey
	for app, declares := range m.claims[key] {
		if declares {
			apps = append(apps, app)
		}
	}
	slices.SortFunc(apps, func(a, b model.AppKey) int { return strings.Compare(a.String(), b.String()) })
	return apps
}
