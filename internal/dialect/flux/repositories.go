package flux

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// repositories reconciles GitRepositories: it keeps the source store's
// subscriptions as they declare and writes what the store knows.
type repositories struct {
	Deps
	wake *wake
	now  func() time.Time
	// dependents wakes the Kustomizations of a GitRepository.
	dependents func(context.Context, types.NamespacedName) error

	mu   sync.Mutex
	subs map[model.SourceKey]*subscription
}

func newRepositories() *repositories {
	return &repositories{wake: newWake(), now: time.Now, subs: map[model.SourceKey]*subscription{}}
}

// of is the subscription of a key; it is made if there is none.
func (r *repositories) of(key model.SourceKey) *subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subs[key]
	if s == nil {
		s = &subscription{}
		r.subs[key] = s
	}
	return s
}

// Reconcile brings one GitRepository and its subscription together.
func (r *repositories) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	obj := newGitRepository()
	key := SourceKeyOf(req.Namespace, req.Name)
	switch err := r.Cache.Get(ctx, req.NamespacedName, obj); {
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, r.remove(ctx, key, req.NamespacedName)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("reading GitRepository %s: %w", req, err)
	case !obj.GetDeletionTimestamp().IsZero():
		err := setFinalizer(ctx, r.Client, obj.DeepCopy(), false, repositoryManager)
		return reconcile.Result{}, errors.Join(client.IgnoreNotFound(err), r.remove(ctx, key, req.NamespacedName))
	}
	sub := r.of(key)
	sub.mu.Lock()
	defer sub.mu.Unlock()
	obj = newest(obj, sub.written).DeepCopy()
	repo := RepositoryOf(obj)
	token := tokenOf(obj, repo)
	if err := r.subscribe(ctx, sub, repo, token != "" && token != sub.asked); err != nil {
		return reconcile.Result{}, err
	}
	r.refresh(sub, repo, token)
	err := r.report(ctx, sub, obj, repo, token)
	return reconcile.Result{RequeueAfter: r.again(sub, repo)}, errors.Join(err, r.tell(ctx, sub, req.NamespacedName))
}

// tokenOf is the requestedAt token that is not handled yet; "" if there is none.
func tokenOf(obj *unstructured.Unstructured, repo Repository) string {
	token := obj.GetAnnotations()[meta.ReconcileRequestAnnotation]
	handled, _, _ := unstructured.NestedString(obj.Object, "status", "lastHandledReconcileAt")
	if token == handled || repo.Source.Suspended {
		return ""
	}
	return token
}

// tell wakes the Kustomizations if the source has become usable or unusable.
func (r *repositories) tell(ctx context.Context, sub *subscription, name types.NamespacedName) error {
	text := "usable"
	if sub.problem != nil {
		text = sub.problem.Error()
	}
	if sub.told == text {
		return nil
	}
	if err := r.dependents(ctx, name); err != nil {
		return err
	}
	sub.told = text
	return nil
}

func (r *repositories) refresh(sub *subscription, repo Repository, token string) {
	if token == "" || token == sub.asked {
		return
	}
	sub.asked = token
	if sub.problem == nil {
		r.Sources.Refresh(repo.Key, token)
	}
}

// report writes what the store knows, if that is not in the status yet.
func (r *repositories) report(ctx context.Context, sub *subscription, obj *unstructured.Unstructured, repo Repository, token string) error {
	var prev sourcev1.GitRepository
	if err := decode(map[string]any{"status": obj.Object["status"]}, &prev); err != nil {
		r.Log.Debug("status is written without what was there before", "object", repo.Key, "error", err)
		prev = sourcev1.GitRepository{}
	}
	state, _ := r.Sources.State(repo.Key)
	handled := ""
	if token != "" && (sub.problem != nil || state.Handled == token) {
		handled = token
	}
	next := GitRepositoryStatus(prev.Status, repo, state, sub.problem, handled, metav1.NewTime(r.now()))
	wrote, err := writeStatus(ctx, r.Client, obj, withGitRepositoryStatus(prev.Status), withGitRepositoryStatus(next), repositoryManager)
	if err != nil || !wrote {
		return client.IgnoreNotFound(err)
	}
	sub.written = obj
	for _, e := range GitRepositoryEvents(prev.Status, next, state.Snapshot) {
		r.Events.AnnotatedEventf(obj, nil, e.Type, e.Reason, "%s", clip(e.Message, maxEvent))
	}
	return nil
}

// secretRetry is the pause after which a Secret that was missing is looked for
// again, if the interval is not shorter.
const secretRetry = 10 * time.Second

// again is when to look for a Secret that would help; 0 is never.
func (r *repositories) again(sub *subscription, repo Repository) time.Duration {
	if repo.Invalid != nil || repo.Secret == "" {
		return 0
	}
	if sub.problem != nil {
		return min(repo.Source.Interval, secretRetry)
	}
	if state, _ := r.Sources.State(repo.Key); errors.Is(state.Err, model.ErrDenied) {
		return repo.Source.Interval
	}
	return 0
}

// remove ends the subscription and tells those who used it.
func (r *repositories) remove(ctx context.Context, key model.SourceKey, name types.NamespacedName) error {
	r.mu.Lock()
	delete(r.subs, key)
	r.mu.Unlock()
	r.Sources.Remove(key)
	return r.dependents(ctx, name)
}

// require makes sure that the source is subscribed to. The problem is for the
// user; the error is one of the API server.
func (r *repositories) require(ctx context.Context, key model.SourceKey) (problem, err error) {
	name, _ := repositoryName(key)
	obj := newGitRepository()
	switch err := r.Cache.Get(ctx, name, obj); {
	case apierrors.IsNotFound(err) || err == nil && !obj.GetDeletionTimestamp().IsZero():
		return model.As(model.ErrNotFound, fmt.Errorf("GitRepository %s not found: create it or fix spec.sourceRef", name)), nil
	case err != nil:
		return nil, fmt.Errorf("reading GitRepository %s: %w", name, err)
	}
	sub := r.of(key)
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if err := r.subscribe(ctx, sub, RepositoryOf(obj), false); err != nil {
		return nil, err
	}
	if _, serves := r.Sources.State(key); serves || sub.problem == nil {
		return nil, nil
	}
	return model.As(model.ErrNotFound, errors.New(unusable(name, sub.problem))), nil
}

// unusable is the text about a GitRepository with a problem. The problem's own
// kind is left behind: it passes when the GitRepository changes.
func unusable(name types.NamespacedName, problem error) string {
	return "GitRepository " + name.String() + " can't be used: " + problem.Error()
}
