package flux

import (
	"context"
	"log/slog"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Engine is what the front end needs of the engine. A Put of a key replaces the
// one before it; a Refresh is answered by a Report in any case.
type Engine interface {
	Put(model.App)
	Forget(model.AppKey)
	Refresh(key model.AppKey, hard bool)
}

// Sources is what the front end needs of the source store. SourceChanged is to
// be called after every look at a repository that gave something new: a
// revision, an error, the end of one, a Refresh that was carried out.
type Sources interface {
	Set(model.SourceKey, model.Source)
	Remove(model.SourceKey)
	Refresh(key model.SourceKey, token string)
	State(model.SourceKey) (model.SourceState, bool)
}

// Field managers of what is written to the dialect's own objects.
const (
	kustomizationManager = "gotk-kustomize-controller"
	repositoryManager    = "gotk-source-controller"
)

// Controller keeps the engine and the source store up to date with the Flux
// objects of a cluster, and those objects' status with the reports. Its zero
// value is of no use.
type Controller struct {
	apps  *kustomizations
	repos *repositories
}

// Deps are what a Controller works with.
type Deps struct {
	Engine  Engine
	Sources Sources
	// Cache reads Flux objects, as unstructured ones; it may lag behind.
	Cache client.Reader
	// Live reads Secrets from the API server.
	Live client.Reader
	// Client writes status and finalizers.
	Client client.Client
	Events record.EventRecorder
	Log    *slog.Logger
}

// NewController returns a Controller that does nothing until it is set up. Reports
// may come before that.
func NewController() *Controller {
	repos := newRepositories()
	return &Controller{apps: newKustomizations(repos), repos: repos}
}

// Setup registers the watches with the manager. The manager's cache must not
// drop generations, annotations or finalizers.
func (c *Controller) Setup(ctx context.Context, mgr ctrl.Manager, deps Deps) error {
	c.use(deps)
	if err := mgr.GetFieldIndexer().IndexField(ctx, newKustomization(), sourceIndex, indexSource); err != nil {
		return err
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("flux-gitrepository").
		For(newGitRepository()).
		WithEventFilter(ofSpec).
		WatchesRawSource(c.repos.wake).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(c.repos)
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("flux-kustomization").
		For(newKustomization()).
		WithEventFilter(ofSpec).
		WatchesRawSource(c.apps.wake).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(c.apps)
}

func (c *Controller) use(deps Deps) {
	c.apps.Deps, c.repos.Deps = deps, deps
	c.repos.dependents = c.apps.wakeDependents
}

// Report takes the state of an app. It returns at once; the status is written
// later, from the newest report.
func (c *Controller) Report(_ context.Context, r model.Report) {
	if r.App.Dialect == Dialect {
		c.apps.take(r)
	}
}

// SourceChanged tells that the source store knows something new.
func (c *Controller) SourceChanged(key model.SourceKey) {
	if name, ok := repositoryName(key); ok {
		c.repos.wake.add(name)
	}
}

// repositoryName is the inverse of SourceKeyOf.
func repositoryName(key model.SourceKey) (types.NamespacedName, bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 3 || parts[0] != Dialect {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: parts[1], Name: parts[2]}, true
}

// sourceIndex finds Kustomizations by their GitRepository's "namespace/name".
const sourceIndex = "spec.sourceRef"

func indexSource(obj client.Object) []string {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	ref, _, _ := unstructured.NestedStringMap(u.Object, "spec", "sourceRef")
	if ref["kind"] != sourcev1.GitRepositoryKind {
		return nil
	}
	namespace := ref["namespace"]
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	return []string{namespace + "/" + ref["name"]}
}

// ofSpec lets through what a user changes, and nothing of status.
var ofSpec = predicate.Or[client.Object](
	predicate.GenerationChangedPredicate{},
	predicate.AnnotationChangedPredicate{},
	predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return true },
		DeleteFunc:  func(event.DeleteEvent) bool { return true },
		GenericFunc: func(event.GenericEvent) bool { return true },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !e.ObjectNew.GetDeletionTimestamp().IsZero() ||
				len(e.ObjectOld.GetFinalizers()) != len(e.ObjectNew.GetFinalizers())
		},
	},
)

func newKustomization() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
	return u
}

func newGitRepository() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind))
	return u
}

var _ reconcile.Reconciler = (*kustomizations)(nil)
var _ reconcile.Reconciler = (*repositories)(nil)
