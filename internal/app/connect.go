package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// applications are Argo CD's objects that declare apps.
var applications = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}

// connect makes the manager that reads the objects of both dialects.
func (c *controller) connect(ctx context.Context) (ctrl.Manager, error) {
	logger := bridge(c.log)
	ctrl.SetLogger(logger)
	if err := c.awaitCRDs(ctx); err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	again := true // controllers' names may recur: several run in one process in tests
	// Flux's finalizer is of a form that the API server warns of at every write.
	connection := rest.CopyConfig(c.opt.REST)
	connection.WarningHandlerWithContext = rest.NoWarnings{}
	mgr, err := ctrl.NewManager(connection, ctrl.Options{
		Scheme: scheme, Logger: logger,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      c.cacheOptions(),
		Controller: config.Controller{SkipNameValidation: &again},
		Client:     client.Options{Cache: &client.CacheOptions{Unstructured: true}},

		LeaderElection: c.opt.LeaderElection != "", LeaderElectionNamespace: c.opt.LeaderElection,
		LeaderElectionID: "fixpoint-controller", LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster at %s: %w: check the kubeconfig and that the API server answers", c.opt.REST.Host, err)
	}
	return mgr, nil
}

// watch sets up the watches of both dialects.
func (c *controller) watch(ctx context.Context, mgr ctrl.Manager) error {
	if err := c.argo.SetupWithManager(mgr); err != nil {
		return err
	}
	err := c.flux.Setup(ctx, mgr, flux.Deps{
		Engine: declaring{c.engine, c}, Sources: c.store, Cache: mgr.GetClient(), Live: mgr.GetAPIReader(), Client: mgr.GetClient(),
		Events: c.events, Log: c.log, NoCrossNamespace: c.opt.NoCrossNamespace,
	})
	if err != nil {
		return fmt.Errorf("watching Flux's objects: %w", err)
	}
	return nil
}

// cacheOptions keep what is cached small: Secrets and ConfigMaps only where
// Argo CD's settings are, and of no object who wrote which field.
func (c *controller) cacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         argo.CacheByObject(c.opt.ArgoNamespace, c.opt.AppNamespaces),
	}
}

// crdPatience is how long the CRDs may take to appear: who installs them and
// starts the controller at once must not be turned away.
const crdPatience = 30 * time.Second

// awaitCRDs waits until the API server serves the kinds of both dialects, and
// says what to do where it does not.
func (c *controller) awaitCRDs(ctx context.Context) error {
	client, err := discovery.NewDiscoveryClientForConfig(c.opt.REST)
	if err != nil {
		return fmt.Errorf("connecting to the cluster at %s: %w", c.opt.REST.Host, err)
	}
	deadline := time.Now().Add(crdPatience)
	for told := false; ; told = true {
		missing, err := unserved(client)
		switch {
		case err != nil:
			return fmt.Errorf("connecting to the cluster at %s: %w: check the kubeconfig and that the API server answers", c.opt.REST.Host, err)
		case len(missing) == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the cluster has no CRDs for %s: install them with 'fixpoint install --crds-only'", strings.Join(missing, ", "))
		case !told:
			c.log.Warn("waiting for the CRDs; install them with 'fixpoint install --crds-only'", "missing", missing)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// unserved lists the kinds of both dialects that the API server does not serve.
func unserved(client discovery.DiscoveryInterface) ([]string, error) {
	var missing []string
	for _, gvk := range append(flux.Kinds(), applications) {
		list, err := client.ServerResourcesForGroupVersion(gvk.GroupVersion().String())
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		if list == nil || !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == gvk.Kind }) {
			missing = append(missing, gvk.Kind)
		}
	}
	return missing, nil
}

// declared lists the apps that exist and stay. What is read is not changed.
func (c *controller) declared(ctx context.Context, reader client.Reader) ([]model.AppKey, error) {
	var keys []model.AppKey
	for _, gvk := range appKinds() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			if errors.Is(err, context.Canceled) {
				return nil, nil
			}
			return nil, fmt.Errorf("listing %ss: %w", gvk.Kind, err)
		}
		for _, o := range list.Items {
			if o.GetDeletionTimestamp() == nil && (gvk != applications || c.argo.Declares(o.GetNamespace())) {
				keys = append(keys, appKeyOf(&o))
			}
		}
	}
	return keys, nil
}

// appKinds are the kinds that declare apps.
func appKinds() []schema.GroupVersionKind {
	kinds := []schema.GroupVersionKind{applications}
	for _, gvk := range flux.Kinds() {
		if flux.Declares(gvk.GroupKind()) {
			kinds = append(kinds, gvk)
		}
	}
	return kinds
}

// appKeyOf is the key of the app that an object declares.
func appKeyOf(u *unstructured.Unstructured) model.AppKey {
	if u.GetKind() == applications.Kind {
		return argo.Key(u.GetNamespace(), u.GetName())
	}
	if u.GetKind() == flux.HelmReleaseKind {
		return flux.HelmAppKeyOf(u.GetNamespace(), u.GetName())
	}
	return flux.AppKeyOf(u.GetNamespace(), u.GetName())
}
