// Package engine keeps targets at the state that apps declare: it takes an
// app's newest content, renders it, decides what differs, acts, and reports.
//
// It knows no dialect. Dialects Put apps and are told the outcome through a
// Reporter. It polls nothing: a reconcile of an app is caused by an event (a
// new commit, a changed object, a request, a timer that it set itself) and,
// where nothing differs, sends no request to anybody.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/util/workqueue"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
)

// Sources says what content there is.
type Sources interface {
	State(model.SourceKey) (model.SourceState, bool)
}

// Renderer makes objects of files.
type Renderer interface {
	Render(ctx context.Context, tree model.Tree, spec model.Render) (model.Rendered, error)
}

// Target is a cluster; see package target for the contracts.
type Target interface {
	Ensure(app model.AppKey, refs []model.ObjectRef) (bool, error)
	Claim(app model.AppKey, declared, interested []model.ObjectKey)
	Claimants(model.ObjectKey) []model.AppKey
	Live(key model.ObjectKey, app model.AppKey, manager string) (model.Live, bool)
	Owned(app model.AppKey, manager string) []model.Live
	Namespaced(model.ObjectRef) (bool, error)
	KindsEpoch() int
	Same(ctx context.Context, obj model.Object, manager string) (bool, error)
	Apply(ctx context.Context, obj model.Object, manager string, dryRun bool) (model.Live, error)
	Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error
	Parallel() int
}

// Ledger remembers pairs across restarts; see package ledger.
type Ledger interface {
	Load(model.AppKey) (map[model.ObjectKey]model.Pair, []model.ObjectRef, error)
	Save(app model.AppKey, put map[model.ObjectKey]model.Pair, gone []model.ObjectKey) error
	SaveKinds(model.AppKey, []model.ObjectRef) error
	Forget(model.AppKey) error
}

// Reporter takes the state of apps of one dialect. It must not block.
type Reporter interface {
	Report(context.Context, model.Report)
}

// Stamp marks an object as an app's.
type Stamp func(model.AppKey, model.ObjectKey) (labels, annotations map[string]string)

// Dialect is what the engine needs of a front end.
type Dialect struct {
	Reporter Reporter
	Stamp    Stamp
	Policy   policy.Rules
	// CreateOnly tells objects that are only to be created; nil is none.
	CreateOnly func(labels, annotations map[string]string) bool
}

// Config is what an engine is made of.
type Config struct {
	Sources  Sources
	Renderer Renderer
	// Target finds a cluster by the name that apps use; model.ErrNotFound if
	// there is none.
	Target func(name string) (Target, error)
	Ledger Ledger
	// Dialects are by their names in AppKey.
	Dialects map[string]Dialect
	// Workers is how many apps are worked on at a time; 0 is twice the cores,
	// at least 4.
	Workers int
	Log     *slog.Logger
	// Observe is told of every reconcile, Synced of every sync that ended, for
	// metrics; nil for none.
	Observe func(app model.AppKey, took time.Duration, report model.Report)
	Synced  func(model.AppKey, model.Operation)
}

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
		cfg.Workers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	return &Engine{
		cfg: cfg, apps: map[model.AppKey]*state{},
		queue:      workqueue.NewTypedDelayingQueue[model.AppKey](),
		bySource:   map[model.SourceKey]map[model.AppKey]bool{},
		dependents: map[model.AppKey]map[model.AppKey]bool{},
	}
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
	s.cancelAct(fmt.Errorf("app %s is gone", key))
	e.release(key, s.spec().Target)
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

// Refresh works on an app now. With hard, nothing remembered of its objects is
// trusted: each is compared anew by a dry run.
func (e *Engine) Refresh(key model.AppKey, hard bool) {
	if s := e.app(key); s != nil {
		s.refresh(hard)
		e.Wake(key)
	}
}

// Operate asks for a sync. The newest request counts; one with an ID that has
// been carried out is ignored.
func (e *Engine) Operate(key model.AppKey, req model.Request) {
	if s := e.app(key); s != nil {
		s.operate(req)
		e.Wake(key)
	}
}

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
// commit that is under way is superseded.
func (e *Engine) SourceChanged(source model.SourceKey) {
	state, _ := e.cfg.Sources.State(source)
	e.mu.Lock()
	fed := slices.Collect(maps.Keys(e.bySource[source]))
	e.mu.Unlock()
	for _, key := range fed {
		if s := e.app(key); s != nil && state.Snapshot != nil {
			s.supersede(state.Snapshot.Commit.ID)
		}
		e.Wake(key)
	}
}

// indexLocked adds the app to the indices, or takes it out.
func (e *Engine) indexLocked(app model.App, in bool) {
	index(e.bySource, app.Source, app.Key, in)
	for _, d := range app.DependsOn {
		index(e.dependents, d, app.Key, in)
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

// Run works until ctx ends, and lets what is being written finish.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		e.queue.ShutDown()
		return nil
	})
	for range e.cfg.Workers {
		g.Go(func() error {
			for e.work(ctx) {
			}
			return nil
		})
	}
	return g.Wait()
}

func (e *Engine) work(ctx context.Context) bool {
	key, stop := e.queue.Get()
	if stop {
		return false
	}
	defer e.queue.Done(key)
	s := e.app(key)
	if s == nil || ctx.Err() != nil {
		return true
	}
	began := time.Now()
	report, again := e.reconcile(ctx, s)
	if e.app(key) != s {
		// It was forgotten meanwhile: what this reconcile has claimed and
		// remembered since must not stay.
		e.release(key, s.connected)
		e.queue.Add(key)
	} else if again > 0 {
		e.queue.AddAfter(key, again)
	}
	if e.cfg.Observe != nil {
		e.cfg.Observe(key, time.Since(began), report)
	}
	return true
}

// reconcile goes through the stages once and reports. It returns when to come
// back without an event; 0 is never. A panic is the app's own error.
func (e *Engine) reconcile(ctx context.Context, s *state) (report model.Report, again time.Duration) {
	r := newRun(e, s)
	defer func() {
		if p := recover(); p != nil {
			e.cfg.Log.Error("panic in a reconcile", "app", r.app.Key, "panic", p, "stack", string(debug.Stack()))
			r.fail(model.StageSpec, fmt.Errorf("internal error: %v (see the controller's log)", p))
			r.again(time.Minute)
		}
		report, again = r.finish(ctx)
	}()
	r.stages(ctx)
	return r.report, r.next
}
