package flux

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kustomizations reconciles Kustomizations: it puts what they declare into the
// engine and writes what the engine reports.
type kustomizations struct {
	Deps
	repos *repositories
	wake  *wake
	now   func() time.Time

	mu   sync.Mutex
	apps map[model.AppKey]*appState
}

// appState is what is remembered of a Kustomization between two reconciles.
type appState struct {
	// put tells which App the engine has.
	put string
	// asked is the newest requestedAt token that was handed to the engine,
	// handled the newest that a report has answered.
	asked, handled string
	// report is the newest one that is not in the status yet; nil if there is
	// none. changes and operation belong to the events.
	report    *model.Report
	changes   []string
	operation string
	// written is what our last write made of the object.
	written *unstructured.Unstructured
}

func newKustomizations(repos *repositories) *kustomizations {
	return &kustomizations{
		repos: repos, wake: newWake(), now: time.Now, apps: map[model.AppKey]*appState{},
	}
}

// state runs f with the app's state, under the lock.
func (k *kustomizations) state(key model.AppKey, f func(*appState)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.apps[key]
	if s == nil {
		s = &appState{}
		k.apps[key] = s
	}
	f(s)
}

// take keeps a report until it is written.
func (k *kustomizations) take(r model.Report) {
	k.state(r.App, func(s *appState) {
		s.report = &r
		if r.Operation == nil || r.Operation.Phase.Done() {
			s.handled = s.asked
		}
		if id := operationID(r.Operation); id != s.operation {
			s.operation = id
			s.changes = append(s.changes, Changes(r.Operation)...)
		}
	})
	k.wake.add(types.NamespacedName{Namespace: r.App.Namespace, Name: r.App.Name})
}

// operationID tells operations apart that have ended; "" for none.
func operationID(op *model.Operation) string {
	if op == nil || !op.Phase.Done() {
		return ""
	}
	return fmt.Sprintf("%s %d %d %d", op.Request.ID, op.Started.UnixNano(), op.Finished.UnixNano(), op.Retries)
}

// Reconcile brings one Kustomization and the engine's App of it together.
func (k *kustomizations) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	obj := newKustomization()
	key := AppKeyOf(req.Namespace, req.Name)
	switch err := k.Cache.Get(ctx, req.NamespacedName, obj); {
	case apierrors.IsNotFound(err):
		k.forget(key)
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading Kustomization %s: %w", req, err)
	}
	k.state(key, func(s *appState) { obj = newest(obj, s.written).DeepCopy() })

	app := App(obj)
	deleted := !obj.GetDeletionTimestamp().IsZero()
	if deleted && !app.Deleting && app.Invalid == nil {
		return reconcile.Result{}, k.release(ctx, obj, key)
	}
	if !deleted {
		if err := setFinalizer(ctx, k.Client, obj, true, kustomizationManager); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err) // the cache lags: an event follows
		}
		if err := k.requireSource(ctx, &app); err != nil {
			return reconcile.Result{}, err
		}
	}
	k.put(obj, app)
	k.refresh(obj, app)
	return reconcile.Result{}, k.report(ctx, obj, app)
}

// requireSource makes the app invalid while its GitRepository can't be used.
func (k *kustomizations) requireSource(ctx context.Context, app *model.App) error {
	if app.Invalid != nil {
		return nil
	}
	problem, err := k.repos.require(ctx, app.Sources[0].Key)
	app.Invalid = problem
	return err
}

// put hands the app to the engine if it is another than before.
func (k *kustomizations) put(obj *unstructured.Unstructured, app model.App) {
	id := fmt.Sprintf("%s %d %v %v %v", obj.GetUID(), app.Generation, app.Deleting, app.Sync.AllowEmpty, app.Invalid)
	isNew := false
	k.state(app.Key, func(s *appState) { isNew, s.put = s.put != id, id })
	if isNew {
		k.Engine.Put(app)
	}
}

// refresh passes a requestedAt token on, once.
func (k *kustomizations) refresh(obj *unstructured.Unstructured, app model.App) {
	token := obj.GetAnnotations()[meta.ReconcileRequestAnnotation]
	handled, _, _ := unstructured.NestedString(obj.Object, "status", "lastHandledReconcileAt")
	if token == "" || token == handled || app.Suspended {
		return
	}
	isNew := false
	k.state(app.Key, func(s *appState) { isNew, s.asked = s.asked != token, token })
	if isNew {
		k.Engine.Refresh(app.Key, false)
	}
}

// report writes the newest report, if there is one that is not written yet.
func (k *kustomizations) report(ctx context.Context, obj *unstructured.Unstructured, app model.App) error {
	var r *model.Report
	var changes []string
	var handled string
	k.state(app.Key, func(s *appState) { r, changes, handled = s.report, slices.Clone(s.changes), s.handled })
	if r == nil {
		return nil
	}
	if r.Deleted && app.Deleting {
		return k.release(ctx, obj, app.Key)
	}
	decoded, err := kustomizationOf(obj)
	if err != nil {
		k.Log.Debug("status is written without what was there before", "app", app.Key, "error", err)
	}
	prev := decoded.Status
	next := KustomizationStatus(prev, app, *r, handled, metav1.NewTime(k.now()))
	wrote, err := writeStatus(ctx, k.Client, obj, withKustomizationStatus(prev), withKustomizationStatus(next), kustomizationManager)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	annotations := map[string]string{}
	if revision := Revision(r.Snapshot); revision != "" {
		annotations[kustomizev1.GroupVersion.Group+"/revision"] = revision
	}
	for _, e := range KustomizationEvents(prev, next, app, *r, changes) {
		k.Events.AnnotatedEventf(obj, annotations, e.Type, e.Reason, "%s", clip(e.Message, maxEvent))
	}
	k.state(app.Key, func(s *appState) {
		if wrote {
			s.written = obj
		}
		s.changes = s.changes[min(len(changes), len(s.changes)):]
		if s.report == r {
			s.report = nil
		}
	})
	return nil
}

// release lets the object go, its own objects being gone or meant to stay.
func (k *kustomizations) release(ctx context.Context, obj *unstructured.Unstructured, key model.AppKey) error {
	k.forget(key)
	return client.IgnoreNotFound(setFinalizer(ctx, k.Client, obj, false, kustomizationManager))
}

func (k *kustomizations) forget(key model.AppKey) {
	k.mu.Lock()
	delete(k.apps, key)
	k.mu.Unlock()
	k.Engine.Forget(key)
}

// wakeDependents looks again at the Kustomizations that use a GitRepository.
func (k *kustomizations) wakeDependents(ctx context.Context, repo types.NamespacedName) error {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind + "List"))
	if err := k.Cache.List(ctx, list, client.MatchingFields{sourceIndex: repo.String()}); err != nil {
		return fmt.Errorf("finding the Kustomizations of GitRepository %s: %w", repo, err)
	}
	for _, item := range list.Items {
		k.wake.add(client.ObjectKeyFromObject(&item))
	}
	return nil
}

// maxEvent is the length of an event's message that the API accepts.
const maxEvent = 1024
