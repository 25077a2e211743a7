package argo

import (
	"context"
	"log/slog"
	"maps"
	"path"
	"reflect"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/dialect"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Engine is what keeps apps at their declared state. Its methods don't block.
type Engine interface {
	Put(model.App)
	Forget(model.AppKey)
	// Refresh looks anew at an app; hard means without anything remembered.
	Refresh(app model.AppKey, hard bool)
	// RefreshFirst is Refresh for somebody who waits, also for the look at the sources
	// with that token.
	RefreshFirst(app model.AppKey, hard bool, look string)
	// Operate asks for a sync; the same ID is carried out once.
	Operate(model.AppKey, model.Request)
	// Withdraw takes back a request with that ID that has not been begun.
	Withdraw(app model.AppKey, id string)
	// Terminate ends the app's operation with that Mark.
	Terminate(app model.AppKey, mark string)
	// Recorded tells that status holds the app's operation with that Mark, in that
	// phase and with that many hooks that have ended: a restart would find it so. Of
	// one that has ended it may hold a later one.
	Recorded(app model.AppKey, mark string, phase model.Phase, endedHooks int)
}

// Sources is what fetches content. Its methods don't block.
type Sources interface {
	Set(model.SourceKey, model.Source)
	Remove(model.SourceKey)
	// Refresh looks at a repository now; the token tells requests apart.
	Refresh(key model.SourceKey, token string)
}

// Config is what a Reconciler needs.
type Config struct {
	// Client reads from a cache that CacheByObject describes, and writes.
	Client   client.Client
	Engine   Engine
	Sources  Sources
	Recorder record.EventRecorder
	// Tracker learns the destinations of apps; nil is none.
	Tracker *Tracker
	// Namespace is the control-plane namespace; "" is "argocd".
	Namespace string
	// Namespaces are those, besides Namespace, whose Applications are worked on:
	// names or globs; "*" is all.
	Namespaces []string
	// ClustersChanged is told of the clusters that the Secrets declare, before
	// any app is; nil is nobody. It must not block.
	ClustersChanged func([]Cluster)
	// SettingsChanged is told of settings that are other than before, after the
	// tracker and before any app is; nil is nobody. It must not block.
	SettingsChanged func(SettingsChange)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// DefaultNamespace is the control-plane namespace of Argo CD.
const DefaultNamespace = "argocd"

// Reconciler reconciles Applications with the engine: it hands over what they
// declare and writes what the engine reports.
type Reconciler struct {
	cfg Config

	loading sync.Mutex // held while settings are read; taken before mu

	mu       sync.Mutex
	apps     map[model.AppKey]*entry
	settings *Settings
	queue    workqueue.TypedRateLimitingInterface[reconcile.Request] // nil before the start
}

// New makes a Reconciler; SetupWithManager starts it.
func New(cfg Config) *Reconciler {
	if cfg.Namespace == "" {
		cfg.Namespace = DefaultNamespace
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Reconciler{cfg: cfg, apps: map[model.AppKey]*entry{}}
}

// Report takes the newest state of an app. It doesn't block and may be called
// from several goroutines, before the start too.
func (r *Reconciler) Report(_ context.Context, report model.Report) {
	if report.App.Dialect != Dialect {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.apps[report.App]
	if e == nil {
		return // forgotten in the meantime
	}
	awaited := e.take(report)
	if r.queue != nil {
		dialect.EnqueueReport(r.queue, requestFor(report.App), awaited)
	}
}

func requestFor(app model.AppKey) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: app.Namespace, Name: app.Name}}
}

// Declares reports whether Applications of a namespace are given to the engine.
func (r *Reconciler) Declares(namespace string) bool {
	return namespace == r.cfg.Namespace || HasNamespace(r.cfg.Namespaces, namespace)
}

// HasNamespace reports whether one of the patterns, as of path.Match, is for a namespace.
func HasNamespace(globs []string, namespace string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, namespace)
		return err == nil && ok
	})
}

// Reconcile brings the engine up to an Application, and the Application up to
// the engine's report, by at most one write.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	key := Key(req.Namespace, req.Name)
	if !r.Declares(req.Namespace) {
		return reconcile.Result{}, nil
	}
	settings, err := r.currentSettings(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.ApplicationKind)
	if err := r.cfg.Client.Get(ctx, req.NamespacedName, u); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(key)
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, err
	}
	e, reports := r.entry(key)
	if isOlder(u.GetResourceVersion(), e.written) {
		return reconcile.Result{}, nil // our own write is still to come, as an event
	}
	env := Env{Namespace: r.cfg.Namespace, Settings: settings}
	app, sources := Adapt(u, env)
	hooksOfDeletion(u, &app)
	r.mu.Lock()
	e.project = ProjectOf(u)
	r.mu.Unlock()
	r.repin(e, u, &app, env)
	r.hand(e, app, sources)
	r.terminate(e, u)
	c := r.next(e, u, app, env, reports)
	defer func() { r.unpin(e, app, c.report) }()
	return reconcile.Result{}, r.write(ctx, e, u, c)
}

// forget takes an Application that is gone from the engine; its objects stay.
func (r *Reconciler) forget(key model.AppKey) {
	r.mu.Lock()
	e := r.apps[key]
	delete(r.apps, key)
	r.mu.Unlock()
	if e == nil {
		return
	}
	if e.put {
		r.cfg.Engine.Forget(key)
	}
	for _, source := range slices.Sorted(maps.Keys(e.sources)) {
		r.cfg.Sources.Remove(source)
	}
	if r.cfg.Tracker != nil {
		r.cfg.Tracker.Forget(key)
	}
}

// hand gives the source store and the engine what has changed.
func (r *Reconciler) hand(e *entry, app model.App, sources []model.Source) {
	if r.cfg.Tracker != nil {
		r.cfg.Tracker.SetDestination(app.Key, app.Namespace)
	}
	wanted := map[model.SourceKey]model.Source{}
	want := func(key model.SourceKey, source model.Source) {
		wanted[key] = source
		if old, known := e.sources[key]; !known || !old.Equal(source) {
			r.cfg.Sources.Set(key, source)
		}
		if _, known := e.sources[key]; !known && e.awaitsLook() {
			r.cfg.Sources.Refresh(key, e.look) // which is over when all have been looked at
		}
	}
	for i, source := range sources {
		if source.URL != "" {
			want(app.Sources[i].Key, source)
		}
	}
	if e.pin != nil {
		for _, key := range slices.Sorted(maps.Keys(e.pin.sources)) {
			want(key, e.pin.sources[key])
		}
	}
	before := e.sources
	e.sources = wanted
	if !e.put || !sameApp(e.app, app) {
		e.app, e.put = app, true
		r.cfg.Engine.Put(app)
	}
	// Only now does the engine no longer ask for them.
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, still := wanted[key]; !still {
			r.cfg.Sources.Remove(key)
		}
	}
}

// sameApp reports whether two apps ask for the same. What is recalled from
// status and the generation, which each status write raises, don't count.
func sameApp(a, b model.App) bool {
	a.Generation, a.Known, a.Last, a.Applied = b.Generation, b.Known, b.Last, b.Applied
	if (a.Invalid == nil) != (b.Invalid == nil) || (a.Invalid != nil && a.Invalid.Error() != b.Invalid.Error()) {
		return false
	}
	a.Invalid = b.Invalid
	return reflect.DeepEqual(a, b)
}

// isOlder reports whether a version of an object came before another; false if
// that can't be told.
func isOlder(version, than string) bool {
	if than == "" {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(version, than)
	return err == nil && order < 0
}

func (r *Reconciler) now() metav1.Time { return seconds(r.cfg.Now()) }
