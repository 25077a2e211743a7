package app

import (
	"context"
	"log/slog"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// definitions are the CRDs of a cluster.
var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// extraKinds are kinds of Argo CD's that a cluster need not serve.
var extraKinds = map[string]schema.GroupVersionResource{
	"AppProject":     {Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"},
	"ApplicationSet": {Group: "argoproj.io", Version: "v1alpha1", Resource: "applicationsets"},
}

// extras keeps the objects of kinds that a cluster need not serve: each is watched
// while its CRD is there, which is watched always.
type extras struct {
	client    dynamic.Interface
	namespace string
	changed   func(kind string)
	log       *slog.Logger

	mu    sync.Mutex
	kinds map[string]extra
	// defined say of kinds that it is known whether they are served.
	defined map[string]func() bool
}

// extra is a kind that is watched.
type extra struct {
	store cache.Store
	// listed reports whether the store has what there was at the start.
	listed func() bool
	// end ends the watch, and returns when it has ended.
	end func()
}

// newExtras watches one namespace; changed is called after every change of a kind's
// objects, and must not block.
func newExtras(config *rest.Config, namespace string, changed func(kind string), log *slog.Logger) (*extras, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &extras{client: client, namespace: namespace, changed: changed, log: log, kinds: map[string]extra{}, defined: map[string]func() bool{}}, nil
}

// Run watches what is served until ctx ends.
func (e *extras) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for kind, gvr := range extraKinds {
		running.Go(func() { e.follow(ctx, kind, gvr) })
	}
	running.Wait()
	return nil
}

// follow watches a kind's CRD, and the kind while it is served.
func (e *extras) follow(ctx context.Context, kind string, gvr schema.GroupVersionResource) {
	named := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("metadata.name", gvr.GroupResource().String()).String()
	}
	informer := e.informer(definitions, "", named)
	if err := informer.SetTransform(func(o any) (any, error) { return brieflyDefined(o, gvr.Version), nil }); err != nil {
		e.log.Error("watching the CRD", "kind", kind, "err", err)
		return
	}
	now := func(o any) {
		if u, is := o.(*unstructured.Unstructured); is && u.Object["served"] == true {
			e.start(ctx, kind, gvr)
			return
		}
		e.stop(kind)
	}
	handled, err := e.handle(informer, cache.ResourceEventHandlerFuncs{
		AddFunc: now, UpdateFunc: func(_, o any) { now(o) }, DeleteFunc: func(any) { e.stop(kind) },
	})
	if err != nil {
		e.log.Error("watching the CRD", "kind", kind, "err", err)
		return
	}
	e.mu.Lock()
	e.defined[kind] = handled.HasSynced
	e.mu.Unlock()
	informer.RunWithContext(ctx)
	e.stop(kind)
}

// brieflyDefined is a CRD without what it defines, which may be a megabyte: only whether a
// version of it is served.
func brieflyDefined(o any, version string) any {
	crd, is := o.(*unstructured.Unstructured)
	if !is {
		return o
	}
	if _, done := crd.Object["served"]; done {
		return o
	}
	brief := &unstructured.Unstructured{Object: map[string]any{"served": serves(crd, version)}}
	brief.SetName(crd.GetName())
	brief.SetUID(crd.GetUID())
	brief.SetResourceVersion(crd.GetResourceVersion())
	return brief
}

// serves reports whether the API server answers for a version of a CRD.
func serves(crd *unstructured.Unstructured, version string) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	established := false
	for _, raw := range conditions {
		c, _ := raw.(map[string]any)
		established = established || c["type"] == "Established" && c["status"] == string(metav1.ConditionTrue)
	}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, raw := range versions {
		if v, _ := raw.(map[string]any); v["name"] == version && v["served"] == true {
			return established
		}
	}
	return false
}

// informer watches a resource in a namespace; "" is all.
func (e *extras) informer(gvr schema.GroupVersionResource, namespace string, which dynamicinformer.TweakListOptionsFunc) cache.SharedIndexInformer {
	return dynamicinformer.NewFilteredDynamicInformer(e.client, gvr, namespace, 0, cache.Indexers{}, which).Informer()
}

// handle has an informer tell, and its library not of what is no error: a kind that is
// not served any more, or not yet, is heard of by its CRD.
func (e *extras) handle(informer cache.SharedIndexInformer, by cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		if !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
			cache.DefaultWatchErrorHandler(ctx, r, err)
		}
	})
	if err != nil {
		return nil, err
	}
	return informer.AddEventHandler(by)
}

// start watches a kind, unless it is watched already.
func (e *extras) start(ctx context.Context, kind string, gvr schema.GroupVersionResource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.kinds[kind].end != nil {
		return
	}
	informer := e.informer(gvr, e.namespace, nil)
	tell := func(any) { e.changed(kind) }
	_, err := e.handle(informer, cache.ResourceEventHandlerFuncs{
		AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, now any) { tell(now) },
	})
	if err != nil {
		e.log.Error("watching", "kind", kind, "err", err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { informer.RunWithContext(ctx) })
	e.kinds[kind] = extra{store: informer.GetStore(), listed: informer.HasSynced, end: func() { cancel(); running.Wait() }}
}

// await waits until the objects of the kinds that are served were listed, or until ctx
// ends.
func (e *extras) await(ctx context.Context) {
	cache.WaitForCacheSync(ctx.Done(), func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		for kind := range extraKinds {
			defined, watched := e.defined[kind], e.kinds[kind]
			if defined == nil || !defined() || watched.end != nil && !watched.listed() {
				return false
			}
		}
		return true
	})
}

// stop ends the watch of a kind, and forgets its objects.
func (e *extras) stop(kind string) {
	e.mu.Lock()
	was := e.kinds[kind]
	delete(e.kinds, kind)
	e.mu.Unlock()
	if was.end != nil {
		was.end()
		e.changed(kind)
	}
}

// List are the objects of a kind as they are known, which must not be changed.
func (e *extras) List(kind string) []*unstructured.Unstructured {
	e.mu.Lock()
	store := e.kinds[kind].store
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
