package engine

import (
	"maps"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Wake works on an app soon.
func (e *Engine) Wake(key model.AppKey) {
	e.mu.Lock()
	held := e.held
	e.mu.Unlock()
	if !held {
		e.queue.Add(key)
	}
}

// SourceChanged works on all apps that the source feeds; a sync of an older
// revision that is under way is superseded.
func (e *Engine) SourceChanged(source model.SourceKey) {
	e.mu.Lock()
	fed := slices.Collect(maps.Keys(e.bySource[source]))
	e.mu.Unlock()
	for _, key := range fed {
		if s := e.app(key); s != nil {
			r := run{e: e, app: s.spec()}
			s.looked(r.looked())
			if snapshots, _, err := r.newest(); err == nil {
				s.supersede(model.Revision(snapshots))
			}
		}
		e.Wake(key)
	}
}

// indexLocked adds the app to the indices, or takes it out.
func (e *Engine) indexLocked(app model.App, in bool) {
	for _, s := range app.Sources {
		index(e.bySource, s.Key, app.Key, in)
	}
	for _, d := range app.DependsOn {
		index(e.dependents, d, app.Key, in)
	}
}

// indexPin lets the sources wake the app that a request is pinned to, instead of
// those of an earlier one.
func (e *Engine) indexPin(s *state, app model.AppKey, pin *model.Pin) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range s.pinKeys {
		index(e.bySource, key, app, false)
	}
	s.pinKeys = nil
	if pin == nil {
		return
	}
	for _, src := range pin.Sources {
		s.pinKeys = append(s.pinKeys, src.Key)
		index(e.bySource, src.Key, app, true)
	}
}

func index[K comparable](m map[K]map[model.AppKey]bool, k K, app model.AppKey, in bool) {
	switch {
	case !in:
		if delete(m[k], app); len(m[k]) == 0 {
			delete(m, k)
		}
	case m[k] == nil:
		m[k] = map[model.AppKey]bool{app: true}
	default:
		m[k][app] = true
	}
}

// KindsChanged works on the apps that wait for a kind.
func (e *Engine) KindsChanged(target string) {
	for _, s := range e.all() {
		if !s.lacksKinds() {
			continue
		}
		if app := s.spec(); app.Target == target {
			e.Wake(app.Key)
		}
	}
}

// TargetChanged works on the apps of a target whose connection is another now:
// what mirrored it is gone with the old one.
func (e *Engine) TargetChanged(target string) {
	for _, s := range e.all() {
		if app := s.spec(); app.Target == target {
			e.Wake(app.Key)
		}
	}
}
