package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// world is what the API server has told about the objects of the demo.
type world struct {
	mu      sync.Mutex
	objects map[place]*unstructured.Unstructured
	times   map[place]time.Time // of the last change
	changed chan struct{}       // closed and replaced at every change
	// seen is called with every change, one at a time; before and after are nil
	// where there is no object.
	seen func(at time.Time, where place, before, after *unstructured.Unstructured)
}

func newWorld(seen func(time.Time, place, *unstructured.Unstructured, *unstructured.Unstructured)) *world {
	return &world{
		objects: map[place]*unstructured.Unstructured{}, times: map[place]time.Time{},
		changed: make(chan struct{}), seen: seen,
	}
}

// watch follows the objects of the demo until ctx ends. It returns once all of
// them have been listed; wait is for the end.
func (w *world) watch(ctx context.Context, client dynamic.Interface, l layout) (wait func(), err error) {
	of := map[string][]schema.GroupVersionResource{
		l.argo: {applications}, l.flux: {kustomizations, releases, repositories},
	}
	for _, f := range l.followers() {
		of[f.namespace] = []schema.GroupVersionResource{deployments, services, configMaps, accounts}
	}
	var factories []dynamicinformer.DynamicSharedInformerFactory
	wait = func() {
		for _, f := range factories {
			f.Shutdown()
		}
	}
	for namespace, resources := range of {
		f := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, nil)
		for _, r := range resources {
			if _, err := f.ForResource(r).Informer().AddEventHandler(w.handler(r)); err != nil {
				return wait, fmt.Errorf("watching %s: %w", r.Resource, err)
			}
		}
		f.Start(ctx.Done())
		factories = append(factories, f)
	}
	for _, f := range factories {
		for r, synced := range f.WaitForCacheSync(ctx.Done()) {
			if !synced {
				return wait, fmt.Errorf("watching %s: %w", r.Resource, context.Cause(ctx))
			}
		}
	}
	return wait, nil
}

func (w *world) handler(r schema.GroupVersionResource) cache.ResourceEventHandler {
	put := func(o any) {
		if u, ok := o.(*unstructured.Unstructured); ok {
			w.set(place{r, u.GetNamespace(), u.GetName()}, u)
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, o any) { put(o) },
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if u, ok := o.(*unstructured.Unstructured); ok {
				w.set(place{r, u.GetNamespace(), u.GetName()}, nil)
			}
		},
	}
}

func (w *world) set(where place, after *unstructured.Unstructured) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.objects[where]
	w.times[where] = now
	if after == nil {
		delete(w.objects, where)
	} else {
		w.objects[where] = after
	}
	if w.seen != nil {
		w.seen(now, where, before, after)
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// get is an object as it was last seen, nil if there is none. Do not change it.
func (w *world) get(where place) *unstructured.Unstructured {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.objects[where]
}

// look is an object as it was last seen, and when its last change was.
func (w *world) look(where place) (*unstructured.Unstructured, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.objects[where], w.times[where]
}

// next is closed at the next change.
func (w *world) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// await waits until done, which is asked again at every change. waiting is
// called now and then meanwhile.
func (w *world) await(ctx context.Context, done func() bool, waiting func()) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		next := w.next()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-tick.C:
			waiting()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
