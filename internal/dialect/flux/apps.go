package flux

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// apps reconciles the objects of one kind that declare apps: it puts what they
// declare into the engine and writes what the engine reports.
type apps struct {
	Deps
	appKind
	sources *sources
	now     func() time.Time

	mu  sync.Mutex
	all map[model.AppKey]*appState
}

// appKind is what differs between the kinds that declare apps.
type appKind interface {
	// names are the kind itself, and the field manager of what is written to it.
	names() (kind, manager string)
	// references are what an object refers to beside its source.
	references(*unstructured.Unstructured) []Ref
	// app is what an object asks for, and where its source comes from: nil if the
	// app is invalid or goes. The error is one of the API server.
	app(context.Context, *unstructured.Unstructured, Contents) (model.App, *Declaration, error)
	// report is what a report changes in the status.
	report(obj *unstructured.Unstructured, app model.App, r model.Report, changes []string, handled string, now metav1.Time) change
	// gone cleans up after an object that is about to go, or has gone.
	gone(context.Context, types.NamespacedName, *unstructured.Unstructured) error
}

// change is a change of status, and what is to be told of it.
type change struct {
	prev, next  any
	events      []Event
	annotations map[string]string // of the events
}

// appState is what is remembered of an app between two reconciles.
type appState struct {
	// put tells which App the engine has.
	put string
	// contents are what was read of the references, for that generation of the
	// object.
	contents   Contents
	uid        types.UID
	generation int64
	// asked is the newest requestedAt token that was handed to the engine,
	// handled the newest that a report has answered.
	asked, handled string
	// report is the newest one that is not in the status yet; nil if there is
	// none. changes and operation belong to the events.
	report    *model.Report
	changes   []string
	operation string
	// written is what our last write made of the object, as remembered; nil once the cache
	// was seen to have it.
	written *unstructured.Unstructured
}

func newApps(kind appKind, s *sources) *apps {
	return &apps{appKind: kind, sources: s, now: time.Now, all: map[model.AppKey]*appState{}}
}

func (a *apps) kind() string {
	kind, _ := a.names()
	return kind
}

// state runs f with the app's state, under the lock.
func (a *apps) state(key model.AppKey, f func(*appState)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.all[key]
	if s == nil {
		s = &appState{}
		a.all[key] = s
	}
	f(s)
}

// take keeps a report until it is written.
func (a *apps) take(r model.Report) {
	awaited := false
	a.state(r.App, func(s *appState) {
		s.report = &r
		if r.Operation == nil || r.Operation.Phase.Done() {
			awaited, s.handled = s.handled != s.asked, s.asked
		}
		if id := operationID(r.Operation); id != s.operation {
			s.operation = id
			s.changes = append(s.changes, Changes(r.Operation)...)
		}
	})
	a.sources.reported(object{a.kind(), types.NamespacedName{Namespace: r.App.Namespace, Name: r.App.Name}}, awaited)
}

// operationID tells operations apart that have ended; "" for none.
func operationID(op *model.Operation) string {
	if op == nil || !op.Phase.Done() {
		return ""
	}
	return fmt.Sprintf("%s %d %d %d", op.Request.ID, op.Started.UnixNano(), op.Finished.UnixNano(), op.Retries)
}

// Reconcile brings one object and the engine's App of it together.
func (a *apps) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	kind, manager := a.names()
	obj := newObject(kind)
	key := appKeyOf(kind, req.Namespace, req.Name)
	switch err := a.Cache.Get(ctx, req.NamespacedName, obj); {
	case apierrors.IsNotFound(err):
		a.forget(key)
		return reconcile.Result{}, a.gone(ctx, req.NamespacedName, nil)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading %s %s: %w", kind, req, err)
	}
	a.state(key, func(s *appState) { obj, s.written = newest(obj, s.written) })

	deleted := !obj.GetDeletionTimestamp().IsZero()
	app, from, err := a.adapt(ctx, obj, key, deleted)
	if err != nil {
		return reconcile.Result{}, err
	}
	if deleted && !app.Deleting && app.Invalid == nil {
		return reconcile.Result{}, a.release(ctx, obj, key)
	}
	if !deleted {
		if err := setFinalizer(ctx, a.Client, obj, true, manager); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err) // the cache lags: an event follows
		}
		if app, err = a.subscribed(ctx, app, from); err != nil {
			return reconcile.Result{}, err
		}
	}
	a.put(obj, app)
	a.refresh(obj, app)
	return reconcile.Result{}, a.write(ctx, obj, app)
}

// adapt is the app of the object. What it refers to is read when the object or
// that has changed; of one that goes, nothing is.
func (a *apps) adapt(ctx context.Context, obj *unstructured.Unstructured, key model.AppKey, deleted bool) (model.App, *Declaration, error) {
	var contents Contents
	known := false
	u := user{objectOf(obj), partValues}
	a.state(key, func(s *appState) {
		known = s.contents != nil && s.uid == obj.GetUID() && s.generation == obj.GetGeneration()
		contents = s.contents
	})
	if deleted {
		return a.app(ctx, obj, nil)
	}
	if !known || a.sources.refs.stale(u) {
		var err error
		if contents, err = a.sources.refs.get(ctx, a.Live, u, a.references(obj)); err != nil {
			return model.App{}, nil, err
		}
		a.state(key, func(s *appState) { s.contents, s.uid, s.generation = contents, obj.GetUID(), obj.GetGeneration() })
	}
	return a.app(ctx, obj, contents)
}

// subscribed makes the app invalid while its source can't be used.
func (a *apps) subscribed(ctx context.Context, app model.App, from *Declaration) (model.App, error) {
	if app.Invalid != nil || from == nil {
		return app, nil
	}
	problem, err := a.sources.requireFor(ctx, *from)
	app.Invalid = problem
	return app, err
}

// put hands the app to the engine if it is another than before.
func (a *apps) put(obj *unstructured.Unstructured, app model.App) {
	id := fmt.Sprintf("%s %d %v %v %v %v", obj.GetUID(), app.Generation, app.Deleting, app.Sync.AllowEmpty, app.Invalid, app.Spec)
	isNew := false
	a.state(app.Key, func(s *appState) { isNew, s.put = s.put != id, id })
	if isNew {
		a.Engine.Put(app)
	}
}

// refresh passes a requestedAt token on, once.
func (a *apps) refresh(obj *unstructured.Unstructured, app model.App) {
	token := obj.GetAnnotations()[meta.ReconcileRequestAnnotation]
	handled, _, _ := unstructured.NestedString(obj.Object, "status", "lastHandledReconcileAt")
	if token == "" || token == handled || app.Suspended {
		return
	}
	isNew := false
	a.state(app.Key, func(s *appState) { isNew, s.asked = s.asked != token, token })
	if isNew {
		a.Engine.RefreshFirst(app.Key, false, "")
	}
}

// write writes the newest report, if there is one that is not written yet.
func (a *apps) write(ctx context.Context, obj *unstructured.Unstructured, app model.App) error {
	var r *model.Report
	var changes []string
	var handled string
	a.state(app.Key, func(s *appState) { r, changes, handled = s.report, slices.Clone(s.changes), s.handled })
	if r == nil {
		return nil
	}
	if r.Deleted && app.Deleting {
		return a.release(ctx, obj, app.Key)
	}
	c := a.report(obj, app, *r, changes, handled, metav1.NewTime(a.now()))
	_, manager := a.names()
	wrote, err := writeStatus(ctx, a.Client, obj, c.prev, c.next, manager)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, e := range c.events {
		a.Events.AnnotatedEventf(obj, c.annotations, e.Type, e.Reason, "%s", clip(e.Message, maxEvent))
	}
	a.state(app.Key, func(s *appState) {
		if wrote {
			s.written = remembered(obj)
		}
		s.changes = s.changes[min(len(changes), len(s.changes)):]
		if s.report == r {
			s.report = nil
		}
	})
	return nil
}

// release lets the object go, its own objects being gone or meant to stay.
func (a *apps) release(ctx context.Context, obj *unstructured.Unstructured, key model.AppKey) error {
	a.forget(key)
	_, manager := a.names()
	if err := a.gone(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
		return err
	}
	return client.IgnoreNotFound(setFinalizer(ctx, a.Client, obj, false, manager))
}

func (a *apps) forget(key model.AppKey) {
	a.mu.Lock()
	delete(a.all, key)
	a.mu.Unlock()
	a.sources.refs.drop(user{object{a.kind(), types.NamespacedName{Namespace: key.Namespace, Name: key.Name}}, partValues})
	a.Engine.Forget(key)
}

// maxEvent is the length of an event's message that the API accepts.
const maxEvent = 1024
