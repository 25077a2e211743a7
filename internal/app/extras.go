package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// extraKinds are kinds of Argo CD's that a cluster need not serve.
var extraKinds = map[string]schema.GroupVersionResource{
	"AppProject":     {Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"},
	"ApplicationSet": {Group: "argoproj.io", Version: "v1alpha1", Resource: "applicationsets"},
}

// extras keeps the objects of kinds that a cluster need not serve: each is watched
// from when it is served.
type extras struct {
	client    dynamic.Interface
	discovery discovery.DiscoveryInterface
	namespace string
	changed   func(kind string)
	log       *slog.Logger
	look      chan struct{}

	mu      sync.Mutex
	stores  map[string]cache.Store
	running sync.WaitGroup
}

// newExtras watches one namespace; changed is called after every change of a kind's
// objects, and must not block.
func newExtras(config *rest.Config, namespace string, changed func(kind string), log *slog.Logger) (*extras, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return &extras{
		client: client, discovery: disco, namespace: namespace, changed: changed, log: log,
		look: make(chan struct{}, 1), stores: map[string]cache.Store{},
	}, nil
}

// KindsChanged says that the cluster may serve other kinds now.
func (e *extras) KindsChanged() {
	select {
	case e.look <- struct{}{}:
	default:
	}
}

// Run watches what is served until ctx ends.
func (e *extras) Run(ctx context.Context) error {
	defer e.running.Wait()
	for {
		retry := e.start(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-e.look:
		case <-retry:
		}
	}
}

// start watches the kinds that are served and not watched yet. The channel says when
// to look again without being told to; nil is never.
func (e *extras) start(ctx context.Context) <-chan time.Time {
	served, err := e.discovery.ServerResourcesForGroupVersion("argoproj.io/v1alpha1")
	if err != nil || served == nil {
		return time.After(time.Minute)
	}
	for _, r := range served.APIResources {
		gvr, wanted := extraKinds[r.Kind]
		if wanted && !e.has(r.Kind) {
			e.watch(ctx, r.Kind, gvr)
		}
	}
	return nil
}

func (e *extras) has(kind string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stores[kind] != nil
}

func (e *extras) watch(ctx context.Context, kind string, gvr schema.GroupVersionResource) {
	informer := dynamicinformer.NewFilteredDynamicInformer(e.client, gvr, e.namespace, 0, cache.Indexers{}, nil).Informer()
	tell := func(any) { e.changed(kind) }
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, now any) { tell(now) },
	})
	if err != nil {
		e.log.Error("watching", "kind", kind, "err", err)
		return
	}
	e.mu.Lock()
	e.stores[kind] = informer.GetStore()
	e.mu.Unlock()
	e.running.Go(func() { informer.RunWithContext(ctx) })
}

// List are the objects of a kind as they are known, which must not be changed.
func (e *extras) List(kind string) []*unstructured.Unstructured {
	e.mu.Lock()
	store := e.stores[kind]
	e.mu.Unlock()
	if store == nil {
		return nil
	}
	var out []*unstructured.Unstructured
	for _, o := range store.List() {
		if u, ok := o.(*unstructured.Unstructured); ok {
			out = append(out, u)
		}
	}
	return out
}
