// Package engine keeps targets at the state that apps declare: it takes an
// app's newest content, renders it, decides what differs, acts, and reports.
//
// It knows no dialect. Dialects Put apps and are told the outcome through a
// Reporter. It polls nothing: a reconcile of an app is caused by an event (a
// new commit, a changed object, a request, a timer that it set itself) and,
// where nothing differs, sends no request to anybody.
package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/util/workqueue"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Engine reconciles apps.
type Engine struct {
	cfg   Config
	queue workqueue.TypedDelayingInterface[model.AppKey]

	mu   sync.Mutex
	apps map[model.AppKey]*state
	held bool
	// bySource and dependents index the apps by what can wake them.
	bySource   map[model.SourceKey]map[model.AppKey]bool
	dependents map[model.AppKey]map[model.AppKey]bool
}

// New makes an engine. It works on nothing until Run, and not before Release
// if Hold was called.
func New(cfg Config) *Engine {
	if cfg.Workers <= 0 {
		cfg.Workers = max(16, 4*runtime.GOMAXPROCS(0))
	}
	e := &Engine{
		cfg: cfg, apps: map[model.AppKey]*state{},
		bySource:   map[model.SourceKey]map[model.AppKey]bool{},
		dependents: map[model.AppKey]map[model.AppKey]bool{},
	}
	e.queue = newQueue(e.urgency)
	return e
}

// Hold keeps apps waiting until Release: at start, all apps have to be known
// before any acts, or one could take what is another's.
func (e *Engine) Hold() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held = true
}

// Release ends Hold.
func (e *Engine) Release() {
	e.mu.Lock()
	e.held = false
	keys := make([]model.AppKey, 0, len(e.apps))
	for k := range e.apps {
		keys = append(keys, k)
	}
	e.mu.Unlock()
	// Files of neighbours are fetched together.
	slices.SortFunc(keys, func(a, b model.AppKey) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		e.queue.Add(k)
	}
}

// Put declares an app or what changed of it.
func (e *Engine) Put(app model.App) {
	e.mu.Lock()
	s := e.apps[app.Key]
	isNew := s == nil
	if isNew {
		s = newState(app)
		e.apps[app.Key] = s
	}
	e.indexLocked(s.spec(), false)
	e.indexLocked(app, true)
	e.mu.Unlock()
	if app.Last != nil && isNew {
		e.indexPin(s, app.Key, app.Last.Request.Pin)
	}
	s.put(app)
	if isNew {
		e.claimKnown(app)
	}
	e.Wake(app.Key)
}

// claimKnown claims what an earlier run applied: until the app has been
// rendered, and while it can't be, that is not for others to take.
func (e *Engine) claimKnown(app model.App) {
	t, err := e.cfg.Target(app.Target)
	if err != nil || len(app.Known) == 0 || app.Deleting {
		return // connecting to the target is tried, and its error told, later
	}
	keys := make([]model.ObjectKey, 0, len(app.Known))
	for _, ref := range app.Known {
		keys = append(keys, ref.ObjectKey)
	}
	t.Claim(app.Key, keys, nil)
}

// Forget drops an app whose declaring object is gone. Its objects stay.
func (e *Engine) Forget(key model.AppKey) {
	e.mu.Lock()
	s := e.apps[key]
	delete(e.apps, key)
	if s != nil {
		e.indexLocked(s.spec(), false)
	}
	e.mu.Unlock()
	if s == nil {
		return
	}
	e.indexPin(s, key, nil)
	s.cancelAct(fmt.Errorf("app %s is gone", key))
	e.release(key, s.spec().Target)
	if e.cfg.Forgotten != nil {
		e.cfg.Forgotten(key)
	}
	e.wakeDependents(key)
}

// release gives up the app's claims and what is remembered of it.
func (e *Engine) release(key model.AppKey, target string) {
	if t, err := e.cfg.Target(target); err == nil {
		t.Claim(key, nil, nil)
	}
	if err := e.cfg.Ledger.Forget(key); err != nil {
		e.cfg.Log.Error("forgetting an app", "app", key, "err", err)
	}
}

// Refresh works on an app anew, in its turn. With hard, nothing remembered of its objects is
// trusted: each is compared anew by a dry run.
func (e *Engine) Refresh(key model.AppKey, hard bool) {
	if s := e.app(key); s != nil {
		s.refresh(hard)
		e.Wake(key)
	}
}

// RefreshFirst is Refresh for somebody who waits: it goes before what nobody waits for,
// now, and when the look at the sources with that token is over; "" is none.
func (e *Engine) RefreshFirst(key model.AppKey, hard bool, look string) {
	if s := e.app(key); s != nil {
		s.refresh(hard)
		s.hurry(look)
		e.Wake(key)
	}
}

// Operate asks for a sync, which goes before what nobody waits for. The newest request
// counts; one with an ID that has been carried out is ignored.
func (e *Engine) Operate(key model.AppKey, req model.Request) {
	if s := e.app(key); s != nil {
		e.indexPin(s, key, req.Pin)
		s.operate(req)
		e.Wake(key)
	}
}

// Withdraw takes back a request that has not been begun; one that has goes on.
func (e *Engine) Withdraw(key model.AppKey, id string) {
	if s := e.app(key); s != nil && s.withdraw(id) {
		e.indexPin(s, key, nil)
		e.Wake(key)
	}
}

// Terminate ends the operation of an app that is under way, or waits to be
// repeated; hooks that run are deleted.
// The operation is named by its mark, or, where it waits to be repeated, by that of
// the next attempt; another is left alone.
func (e *Engine) Terminate(key model.AppKey, mark string) {
	s := e.app(key)
	if s == nil {
		return
	}
	op := s.last()
	if op == nil || op.Phase == model.PhaseSucceeded {
		return
	}
	next := *op
	if next.Phase.Done() {
		next.Retries++
	}
	if mark == op.Mark() || mark == next.Mark() {
		s.askEnd(op.Mark())
		s.hurry("")
		s.cancelAct(errors.New("the operation is terminated"))
		e.Wake(key)
	}
}

// Recorded tells that the app's operation with that mark is where a restart will
// find it, in that phase. Hooks are not made before their operation's beginning is
// recorded, and not deleted before its end is. endedHooks is how many hooks are known
// there to have ended.
func (e *Engine) Recorded(key model.AppKey, mark string, phase model.Phase, endedHooks int) {
	if s := e.app(key); s != nil && s.record(mark, phase, endedHooks) {
		e.Wake(key)
	}
}

// Report is the newest report of an app; false before the first.
func (e *Engine) Report(key model.AppKey) (model.Report, bool) {
	s := e.app(key)
	if s == nil {
		return model.Report{}, false
	}
	return s.reported()
}

// Reports are the newest reports of all apps, in no order.
func (e *Engine) Reports() []model.Report {
	var out []model.Report
	for _, s := range e.all() {
		if r, ok := s.reported(); ok {
			out = append(out, r)
		}
	}
	return out
}

// App is an app as it was declared last; false if there is no such app.
func (e *Engine) App(key model.AppKey) (model.App, bool) {
	s := e.app(key)
	if s == nil {
		return model.App{}, false
	}
	return s.spec(), true
}

// Desired is an object of an app as the last reconcile would have it; false if it
// declares none of that key. Who reads it never changes it.
func (e *Engine) Desired(key model.AppKey, obj model.ObjectKey) (model.Object, bool) {
	s := e.app(key)
	if s == nil {
		return model.Object{}, false
	}
	found, ok := s.wanted()[obj]
	return found, ok
}

// Known reports whether the app has been Put.
func (e *Engine) Known(key model.AppKey) bool { return e.app(key) != nil }

func (e *Engine) app(key model.AppKey) *state {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.apps[key]
}

func (e *Engine) all() []*state {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]*state, 0, len(e.apps))
	for _, s := range e.apps {
		out = append(out, s)
	}
	return out
}
