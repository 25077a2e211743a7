package argo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// CacheByObject is what the cache of Config.Client has to hold: Applications of
// the namespaces that are worked on, and of Secrets and ConfigMaps only Argo
// CD's own, in the control-plane namespace: of any other Secret there, nothing
// but its name.
func CacheByObject(namespace string, namespaces []string) map[client.Object]cache.ByObject {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	app := &unstructured.Unstructured{}
	app.SetGroupVersionKind(v1alpha1.ApplicationKind)
	apps := cache.ByObject{Transform: cache.TransformStripManagedFields()}
	if !slices.ContainsFunc(namespaces, func(s string) bool { return strings.ContainsAny(s, "*?[") }) {
		apps.Namespaces = map[string]cache.Config{namespace: {}}
		for _, ns := range namespaces {
			apps.Namespaces[ns] = cache.Config{}
		}
	}
	return map[client.Object]cache.ByObject{
		app:              apps,
		&corev1.Secret{}: {Namespaces: map[string]cache.Config{namespace: {Transform: stripSecret}}},
		&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{namespace: {
			LabelSelector: labels.SelectorFromSet(labels.Set{LabelPartOf: PartOf}),
		}}},
	}
}

// stripSecret leaves of a Secret that is none of Argo CD's settings nothing but
// its name.
func stripSecret(obj any) (any, error) {
	s, ok := obj.(*corev1.Secret)
	if !ok || isSetting(*s) {
		return obj, nil
	}
	return &corev1.Secret{TypeMeta: s.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Namespace: s.Namespace, Name: s.Name, UID: s.UID, ResourceVersion: s.ResourceVersion,
	}}, nil
}

// concurrency is how many Applications are read and written at a time: as many as apps are
// worked on, or a fleet would wait for the answers to its statuses.
const concurrency = 16

// SetupWithManager registers the controllers of Applications and of settings.
func (r *Reconciler) SetupWithManager(mgr manager.Manager) error {
	app := &unstructured.Unstructured{}
	app.SetGroupVersionKind(v1alpha1.ApplicationKind)
	err := builder.ControllerManagedBy(mgr).Named("argo-application").For(app).
		WatchesRawSource(source.Func(r.start)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller of Applications: %w", err)
	}
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	var hard hardRefresh
	err = builder.ControllerManagedBy(mgr).Named("argo-settings").
		Watches(&corev1.Secret{}, one).Watches(&corev1.ConfigMap{}, one).
		Complete(reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
			result, err := r.reconcileSettings(ctx, req)
			if err == nil {
				result.RequeueAfter = r.refreshHard(&hard)
			}
			return result, err
		}))
	if err != nil {
		return fmt.Errorf("setting up the controller of Argo CD's settings: %w", err)
	}
	return nil
}

// start takes the queue that reports go to.
func (r *Reconciler) start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = queue
	return nil
}

// currentSettings are the settings, read if they have not been yet: no app is
// adapted without them.
func (r *Reconciler) currentSettings(ctx context.Context) (*Settings, error) {
	if s := r.known(); s != nil {
		return s, nil
	}
	r.loading.Lock()
	defer r.loading.Unlock()
	if s := r.known(); s != nil {
		return s, nil
	}
	_, err := r.reload(ctx)
	return r.known(), err
}

func (r *Reconciler) known() *Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settings
}

// reconcileSettings reads the settings anew; when they have changed, every
// Application is gone through again.
func (r *Reconciler) reconcileSettings(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	r.loading.Lock()
	defer r.loading.Unlock()
	changed, err := r.reload(ctx)
	if err != nil || !changed {
		return reconcile.Result{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.apps {
		if r.queue != nil {
			r.queue.Add(requestFor(key))
		}
	}
	return reconcile.Result{}, nil
}

// hardRefresh is when every app was last compared anew.
type hardRefresh struct{ last time.Time }

// refreshHard lets every app be looked at without anything remembered, as often as
// the settings say, and returns how long it is until then; 0 is never.
func (r *Reconciler) refreshHard(h *hardRefresh) time.Duration {
	s := r.known()
	if s == nil || s.hardRefresh <= 0 {
		h.last = time.Time{}
		return 0
	}
	now := r.cfg.Now()
	if h.last.IsZero() {
		h.last = now
	}
	if left := h.last.Add(s.hardRefresh).Sub(now); left > 0 {
		return left
	}
	h.last = now
	r.mu.Lock()
	keys := slices.Collect(maps.Keys(r.apps))
	r.mu.Unlock()
	for _, key := range keys {
		r.cfg.Engine.Refresh(key, true)
	}
	return s.hardRefresh
}

// reload reads the settings, tells of changed clusters, and only then lets apps
// see them. Reconciler.loading must be held.
func (r *Reconciler) reload(ctx context.Context) (changed bool, err error) {
	var secrets corev1.SecretList
	var configs corev1.ConfigMapList
	in := client.InNamespace(r.cfg.Namespace)
	if err := r.cfg.Client.List(ctx, &secrets, in); err != nil {
		return false, fmt.Errorf("listing Argo CD's Secrets: %w", err)
	}
	if err := r.cfg.Client.List(ctx, &configs, in, client.MatchingLabels{LabelPartOf: PartOf}); err != nil {
		return false, fmt.Errorf("listing Argo CD's ConfigMaps: %w", err)
	}
	settings, problems := ReadSettings(secrets.Items, configs.Items)
	old := r.known()
	if old != nil && old.digest == settings.digest {
		return false, nil
	}
	for _, p := range problems {
		r.cfg.Log.Warn("a setting of Argo CD is not usable", "error", p)
	}
	if told := r.cfg.ClustersChanged; told != nil && (old == nil || !sameClusters(old.clusters, settings.clusters)) {
		told(settings.Clusters())
	}
	change := r.follow(old, settings)
	r.mu.Lock()
	r.settings = settings
	r.mu.Unlock()
	// Only now: what is read anew has to be judged by the new ones.
	if r.cfg.SettingsChanged != nil && change != (SettingsChange{}) {
		r.cfg.SettingsChanged(change)
	}
	return true, nil
}

// SettingsChange says what was made by older settings and is out of date.
type SettingsChange struct {
	// Marks: objects are marked, and marks are read, in another way.
	Marks bool
	// Scripts: other checks of health are configured.
	Scripts bool
}

// follow marks objects by the new settings, and says what has changed in them.
func (r *Reconciler) follow(old, now *Settings) (change SettingsChange) {
	if r.cfg.Tracker != nil {
		change.Marks = r.cfg.Tracker.Follow(now)
	}
	if old == nil {
		old = &Settings{}
	}
	change.Scripts = old.scripts != now.scripts
	return change
}

func sameClusters(a, b []Cluster) bool {
	return slices.EqualFunc(a, b, func(a, b Cluster) bool { return a.Digest == b.Digest })
}
