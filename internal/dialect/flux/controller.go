package flux

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
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
	// RefreshFirst is Refresh for somebody who waits, also for the look at the sources
	// with that token; "" is none.
	RefreshFirst(key model.AppKey, hard bool, look string)
}

// Sources is what the front end needs of the source store. SourceChanged is to
// be called after every look at a source that gave something new: a revision,
// an error, the end of one, a Refresh that was carried out.
type Sources interface {
	Set(model.SourceKey, model.Source)
	Remove(model.SourceKey)
	Refresh(key model.SourceKey, token string)
	State(model.SourceKey) (model.SourceState, bool)
}

// Field managers of what is written to the dialect's own objects.
const (
	kustomizationManager = "gotk-kustomize-controller"
	sourceManager        = "gotk-source-controller"
	receiverManager      = "gotk-notification-controller"
)

// Controller keeps the engine and the source store up to date with the Flux
// objects of a cluster, and those objects' status with the reports. Its zero
// value is of no use.
type Controller struct {
	sources   *sources
	apps      map[string]*apps // by their kind
	receivers *receivers
	wakes     map[string]*wake // by kind
}

// Deps are what a Controller works with.
type Deps struct {
	Engine  Engine
	Sources Sources
	// Cache reads Flux objects, as unstructured ones; it may lag behind.
	Cache client.Reader
	// Live reads Secrets, ConfigMaps and ServiceAccounts from the API server.
	Live client.Reader
	// Client writes status and finalizers, and the HelmCharts of HelmReleases.
	Client client.Client
	Events record.EventRecorder
	Log    *slog.Logger
	// NoCrossNamespace forbids references to sources of other namespaces, as
	// Flux's --no-cross-namespace-refs.
	NoCrossNamespace bool
}

// NewController returns a Controller that does nothing until it is set up. Reports
// may come before that.
func NewController() *Controller {
	c := &Controller{wakes: map[string]*wake{}}
	for kind := range kinds {
		c.wakes[kind] = newWake()
	}
	c.sources = newSources(c.wake, c.reported)
	c.apps = map[string]*apps{
		kustomizev1.KustomizationKind: newApps(kustomizations{c.sources}, c.sources),
		helmv2.HelmReleaseKind:        newApps(helmReleases{c.sources}, c.sources),
	}
	c.receivers = newReceivers(c.sources)
	return c
}

// wake makes the reconciler of its kind look at an object.
func (c *Controller) wake(o object) {
	if w := c.wakes[o.kind]; w != nil {
		w.add(o.NamespacedName)
	}
}

// reported makes the reconciler of its kind write what is told of an object.
func (c *Controller) reported(o object, awaited bool) {
	if w := c.wakes[o.kind]; w != nil {
		w.report(o.NamespacedName, awaited)
	}
}

// reconcilers are those of all kinds.
func (c *Controller) reconcilers() map[string]reconcile.Reconciler {
	out := map[string]reconcile.Reconciler{notificationv1.ReceiverKind: c.receivers}
	for kind := range kinds {
		if IsSource(kind) {
			out[kind] = sourceReconciler{c.sources, kind}
		}
	}
	for kind, a := range c.apps {
		out[kind] = a
	}
	return out
}

// concurrency is how many objects of a kind are read and written at a time: as many as apps
// are worked on, or a fleet would wait for the answers to its statuses.
const concurrency = 16

// Setup registers the watches with the manager. The manager's cache must not
// drop generations, annotations or finalizers.
func (c *Controller) Setup(ctx context.Context, mgr ctrl.Manager, deps Deps) error {
	c.use(deps)
	for _, kind := range users {
		if err := mgr.GetFieldIndexer().IndexField(ctx, newObject(kind), sourceIndex, indexSource); err != nil {
			return fmt.Errorf("indexing %ss: %w", kind, err)
		}
	}
	reconcilers := c.reconcilers()
	for _, kind := range slices.Sorted(maps.Keys(reconcilers)) {
		err := ctrl.NewControllerManagedBy(mgr).
			Named("flux-" + strings.ToLower(kind)).
			For(newObject(kind)).
			WithEventFilter(ofSpec).
			WatchesRawSource(c.wakes[kind]).
			WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
			Complete(reconcilers[kind])
		if err != nil {
			return fmt.Errorf("watching %ss: %w", kind, err)
		}
	}
	meta, err := metadata.NewForConfig(mgr.GetConfig())
	if err != nil {
		return fmt.Errorf("connecting to watch metadata: %w", err)
	}
	return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		c.sources.refs.run(ctx, meta)
		return nil
	}))
}

func (c *Controller) use(deps Deps) {
	c.sources.Deps, c.receivers.Deps = deps, deps
	for _, a := range c.apps {
		a.Deps = deps
	}
}

// Report takes the state of an app. It returns at once; the status is written
// later, from the newest report.
func (c *Controller) Report(_ context.Context, r model.Report) {
	switch r.App.Dialect {
	case Dialect:
		c.apps[kustomizev1.KustomizationKind].take(r)
	case HelmDialect:
		c.apps[helmv2.HelmReleaseKind].take(r)
	}
}

// SourceChanged tells that the source store knows something new.
func (c *Controller) SourceChanged(key model.SourceKey) {
	if name, ok := ofKey(key); ok && IsSource(name.kind) {
		c.wake(name)
	}
}

// Receiver is what the Receiver with that path asks of its calls; false if there
// is none.
func (c *Controller) Receiver(path string) (Hook, bool) {
	found, ok := c.receivers.at(path)
	return found.hook, ok
}

// Poke looks at everything that the Receiver with that path names, and returns
// how much that is.
func (c *Controller) Poke(path string) int {
	return c.receivers.poke(context.Background(), path, func(o object) {
		c.sources.Engine.Refresh(appKeyOf(o.kind, o.Namespace, o.Name), false)
	})
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
