package flux

import (
	"context"
	"fmt"
	"sync"
	"time"

	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// receivers reconciles Receivers: it knows their paths and what a call at one of
// them looks at.
type receivers struct {
	Deps
	sources *sources
	now     func() time.Time

	mu     sync.Mutex
	byPath map[string]receiver
	paths  map[types.NamespacedName]string
}

// receiver is what answers at a path.
type receiver struct {
	hook    Hook
	targets []HookTarget
}

func newReceivers(s *sources) *receivers {
	return &receivers{sources: s, now: time.Now, byPath: map[string]receiver{}, paths: map[types.NamespacedName]string{}}
}

// Reconcile brings one Receiver and its path together.
func (r *receivers) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	obj := newObject(notificationv1.ReceiverKind)
	u := user{object{notificationv1.ReceiverKind, req.NamespacedName}, partToken}
	err := r.Cache.Get(ctx, req.NamespacedName, obj)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("reading %s: %w", u.object, err)
	}
	if apierrors.IsNotFound(err) || !obj.GetDeletionTimestamp().IsZero() {
		r.answer(req.NamespacedName, "", receiver{})
		r.sources.refs.drop(u)
		if err == nil {
			err = setFinalizer(ctx, r.Client, obj.DeepCopy(), false, receiverManager)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	spec := ReceiverOf(obj)
	path, problem, err := r.path(ctx, u, spec)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, r.report(ctx, obj.DeepCopy(), spec, path, problem)
}

// path makes the Receiver answer, and is its path. The problem is for the user.
func (r *receivers) path(ctx context.Context, u user, spec ReceiverSpec) (path string, problem, err error) {
	if problem = spec.Invalid; problem == nil {
		problem = r.foreign(spec)
	}
	if problem != nil {
		r.answer(spec.Name, "", receiver{})
		r.sources.refs.drop(u)
		return "", problem, nil
	}
	contents, err := r.sources.refs.get(ctx, r.Live, u, []Ref{spec.Secret})
	if err != nil {
		return "", nil, err
	}
	hook := spec.Hook
	if hook.Token, problem = spec.tokenOf(contents); problem != nil {
		r.answer(spec.Name, "", receiver{})
		return "", problem, nil
	}
	path = spec.WebhookPath(hook.Token)
	if spec.Suspended {
		r.answer(spec.Name, "", receiver{})
	} else {
		r.answer(spec.Name, path, receiver{hook, spec.Targets})
	}
	return path, nil, nil
}

// foreign refuses targets of other namespaces, where that is forbidden.
func (r *receivers) foreign(spec ReceiverSpec) error {
	for _, t := range spec.Targets {
		if r.NoCrossNamespace && t.Namespace != spec.Name.Namespace {
			return model.As(model.ErrDenied, fmt.Errorf("spec.resources names the namespace %s, and references to other namespaces are forbidden", t.Namespace))
		}
	}
	return nil
}

// answer sets the path of a Receiver; "" is none.
func (r *receivers) answer(name types.NamespacedName, path string, to receiver) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byPath, r.paths[name])
	delete(r.paths, name)
	if path != "" {
		r.byPath[path], r.paths[name] = to, path
	}
}

func (r *receivers) at(path string) (receiver, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.byPath[path]
	return found, ok
}

// poke looks at what a call at the path is about, and returns how much that is.
func (r *receivers) poke(ctx context.Context, path string, refreshApp func(object)) int {
	found, ok := r.at(path)
	if !ok {
		return 0
	}
	n := 0
	for _, t := range found.targets {
		for _, name := range r.selected(ctx, t) {
			n++
			if IsSource(name.kind) {
				r.sources.look(ctx, name)
			} else {
				refreshApp(name)
			}
		}
	}
	return n
}

// selected are the objects that a target means.
func (r *receivers) selected(ctx context.Context, t HookTarget) []object {
	if t.Name != "*" {
		obj, err := r.sources.cached(ctx, object{t.Kind, types.NamespacedName{Namespace: t.Namespace, Name: t.Name}})
		if err != nil || obj == nil {
			return nil
		}
		return []object{objectOf(obj)}
	}
	list := newList(t.Kind)
	if err := r.Cache.List(ctx, list, client.InNamespace(t.Namespace), client.MatchingLabels(t.Labels)); err != nil {
		r.Log.Error("finding what a webhook is about", "kind", t.Kind, "err", err)
		return nil
	}
	var out []object
	for i := range list.Items {
		out = append(out, objectOf(&list.Items[i]))
	}
	return out
}

// report writes the status, if it is another than before.
func (r *receivers) report(ctx context.Context, obj *unstructured.Unstructured, spec ReceiverSpec, path string, problem error) error {
	var before notificationv1.Receiver
	if err := decode(map[string]any{"status": obj.Object["status"]}, &before); err != nil {
		r.Log.Debug("status is written without what was there before", "object", spec.Name.String(), "error", err)
		before = notificationv1.Receiver{}
	}
	next := ReceiverStatus(before.Status, spec, path, problem, obj.GetAnnotations()[meta.ReconcileRequestAnnotation], metav1.NewTime(r.now()))
	wrote, err := writeStatus(ctx, r.Client, obj, before.Status, next, receiverManager)
	if err != nil || !wrote {
		return client.IgnoreNotFound(err)
	}
	was, is := condition(before.Status.Conditions, meta.ReadyCondition), condition(next.Conditions, meta.ReadyCondition)
	events := warningEvents(before.Status.Conditions, next.Conditions)
	if isNewFailure(was, is) {
		events = append(events, Event{corev1.EventTypeWarning, is.Reason, is.Message})
	}
	for _, e := range events {
		r.Events.AnnotatedEventf(obj, nil, e.Type, e.Reason, "%s", clip(e.Message, maxEvent))
	}
	return nil
}

// ReceiverStatus is the status of a Receiver, given the one before it and its
// path, or the problem that it has. handled is the requestedAt token.
func ReceiverStatus(prev notificationv1.ReceiverStatus, spec ReceiverSpec, path string, problem error, handled string, now metav1.Time) notificationv1.ReceiverStatus {
	next := *prev.DeepCopy()
	if spec.Suspended && spec.Invalid == nil {
		return next
	}
	if handled != "" {
		next.LastHandledReconcileAt = handled
	}
	c := &conditions{list: next.Conditions, generation: spec.Generation, now: now}
	c.warn(spec.Warnings)
	next.WebhookPath = path
	switch r := (model.Report{Stage: model.StageSpec, Err: problem}); {
	case problem == nil:
		c.succeed(meta.SucceededReason, "Receiver initialized for path: "+path)
		next.ObservedGeneration = spec.Generation
	case isTerminal(r):
		c.stall(terminalReason(r), problem.Error())
		next.ObservedGeneration = spec.Generation
	default:
		c.fail(notificationv1.TokenNotFoundReason, problem.Error())
	}
	next.Conditions = c.list
	return next
}
