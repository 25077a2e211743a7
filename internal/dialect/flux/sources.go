package flux

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// sources keeps the source store's subscriptions as the source objects of all
// kinds declare, and writes what the store knows.
type sources struct {
	Deps
	refs *references
	now  func() time.Time
	// wake wakes an object of any kind.
	wake func(object)
	// reported wakes an object of an app that was reported of; awaited: somebody has
	// asked for that.
	reported func(o object, awaited bool)

	mu   sync.Mutex
	subs map[model.SourceKey]*subscription
}

func newSources(wake func(object), reported func(object, bool)) *sources {
	return &sources{refs: newReferences(wake), now: time.Now, wake: wake, reported: reported, subs: map[model.SourceKey]*subscription{}}
}

// sourceReconciler reconciles the source objects of one kind.
type sourceReconciler struct {
	*sources
	kind string
}

var _ reconcile.Reconciler = sourceReconciler{}

// of is the subscription of a key; it is made if there is none.
func (s *sources) of(key model.SourceKey) *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[key]
	if sub == nil {
		sub = &subscription{}
		s.subs[key] = sub
	}
	return sub
}

// Reconcile brings one source object and its subscription together.
func (s sourceReconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	obj, name := newObject(s.kind), object{s.kind, req.NamespacedName}
	switch err := s.Cache.Get(ctx, req.NamespacedName, obj); {
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, s.remove(ctx, name)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading %s: %w", name, err)
	case !obj.GetDeletionTimestamp().IsZero():
		err := setFinalizer(ctx, s.Client, obj.DeepCopy(), false, sourceManager)
		return reconcile.Result{}, errors.Join(client.IgnoreNotFound(err), s.remove(ctx, name))
	}
	d, err := s.declare(ctx, obj)
	if err != nil {
		return reconcile.Result{}, err
	}
	lacking, err := s.included(ctx, d)
	if err != nil {
		return reconcile.Result{}, err
	}
	sub := s.of(name.key())
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.lacking = lacking
	obj, sub.written = newest(obj, sub.written)
	token := tokenOf(obj, d)
	if err := s.subscribe(ctx, sub, d, user{name, partSource}, token != "" && token != sub.asked); err != nil {
		return reconcile.Result{}, err
	}
	s.refresh(sub, d, token)
	err = s.report(ctx, sub, obj, d, token)
	return reconcile.Result{}, errors.Join(err, s.tell(ctx, sub, d))
}

// declare is what the object asks for, with the object that it is a part of.
func (s *sources) declare(ctx context.Context, obj *unstructured.Unstructured) (Declaration, error) {
	name, ok := parentOf(obj)
	if !ok {
		return SourceOf(obj, nil), nil
	}
	parent, err := s.cached(ctx, name)
	if err != nil {
		return Declaration{}, err
	}
	return SourceOf(obj, parent), nil
}

// cached is an object from the cache; nil if there is none, or not for long.
func (s *sources) cached(ctx context.Context, name object) (*unstructured.Unstructured, error) {
	obj := newObject(name.kind)
	switch err := s.Cache.Get(ctx, name.NamespacedName, obj); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	case !obj.GetDeletionTimestamp().IsZero():
		return nil, nil
	}
	return obj, nil
}

// included makes sure that the sources are subscribed to that this one includes
// files of, or lies in. It says which of them can't be used.
func (s *sources) included(ctx context.Context, d Declaration) (lacking, err error) {
	keys := []model.SourceKey{d.Of}
	for _, i := range d.Source.Git.Include {
		keys = append(keys, i.Source)
	}
	for _, key := range keys {
		name, ok := ofKey(key)
		if !ok || key == d.Key() {
			continue
		}
		problem, err := s.require(ctx, name)
		if err != nil {
			return nil, err
		}
		if problem != nil {
			lacking = errors.Join(lacking, lackingError{problem})
		}
	}
	return lacking, nil
}

// lackingError is about another source that a source is made of.
type lackingError struct{ error }

// tokenOf is the requestedAt token that is not handled yet; "" if there is none.
func tokenOf(obj *unstructured.Unstructured, d Declaration) string {
	token := obj.GetAnnotations()[meta.ReconcileRequestAnnotation]
	handled, _, _ := unstructured.NestedString(obj.Object, "status", "lastHandledReconcileAt")
	if token == handled || d.Source.Suspended {
		return ""
	}
	return token
}

// tell wakes those who use the source if it has become usable or unusable or
// asks for something else, and those who make their own of it if it has news.
func (s *sources) tell(ctx context.Context, sub *subscription, d Declaration) error {
	text := "usable " + d.version()
	if sub.problem != nil {
		text = sub.problem.Error()
	}
	if sub.told != text {
		if err := s.wakeUsers(ctx, d.object()); err != nil {
			return err
		}
		sub.told = text
	}
	state, _ := s.Sources.State(d.Key())
	if state.Snapshot == nil || sub.revision == revisionOf(state.Snapshot) {
		return nil
	}
	first := sub.revision == ""
	sub.revision = revisionOf(state.Snapshot)
	return s.news(ctx, d, first)
}

func (s *sources) refresh(sub *subscription, d Declaration, token string) {
	if token == "" || token == sub.asked {
		return
	}
	sub.asked = token
	if sub.problem == nil {
		s.Sources.Refresh(d.Key(), token)
	}
}

// report writes what the store knows, if that is not in the status yet.
func (s *sources) report(ctx context.Context, sub *subscription, obj *unstructured.Unstructured, d Declaration, token string) error {
	prev := s.statusOf(obj)
	state := s.stateOf(&d)
	problem := errors.Join(sub.problem, sub.lacking)
	handled := ""
	if token != "" && (problem != nil || d.Static || d.Of != "" || state.Handled == token) {
		handled = token
	}
	next := SourceStatusOf(prev, d, state, problem, handled, metav1.NewTime(s.now()))
	wrote, err := writeStatus(ctx, s.Client, obj, prev, next, sourceManager)
	if err != nil || !wrote {
		return client.IgnoreNotFound(err)
	}
	for _, e := range SourceEvents(prev, next, d, state.Snapshot) {
		s.Events.AnnotatedEventf(obj, nil, e.Type, e.Reason, "%s", clip(e.Message, maxEvent))
	}
	sub.written = remembered(obj)
	return nil
}

func (s *sources) statusOf(obj *unstructured.Unstructured) SourceStatus {
	var prev struct{ Status SourceStatus }
	if err := decode(map[string]any{"status": obj.Object["status"]}, &prev); err != nil {
		s.Log.Debug("status is written without what was there before", "object", objectOf(obj).String(), "error", err)
		return SourceStatus{}
	}
	return prev.Status
}

// stateOf is what the store knows of the source; of a chart that lies in
// another source, what there is at its place.
func (s *sources) stateOf(d *Declaration) model.SourceState {
	if d.Of == "" {
		state, _ := s.Sources.State(d.Key())
		return state
	}
	state, _ := s.Sources.State(d.Of)
	if state.Snapshot == nil {
		return state
	}
	d.Observed.ObservedSourceArtifactRevision = Revision(state.Snapshot)
	chart, err := chartAt(state.Snapshot, d.Path)
	return model.SourceState{Snapshot: chart, Err: errors.Join(state.Err, err), Checked: state.Checked}
}
