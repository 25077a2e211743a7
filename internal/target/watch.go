package target

import (
	"context"
	"fmt"
	"sync"

	metainternal "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/trimmed"
)

// pageSize is how many objects a page of a list holds.
const pageSize = 500

// newer reports whether the resource version a is later than b. Versions that
// can't be compared are never later, so that the newest to arrive counts.
func newer(a, b string) bool {
	c, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && c > 0
}

// entry is what is left of an object on arrival: enough for the reflector to
// file it, and its record.
type entry struct {
	metav1.ObjectMeta
	rec *Record
}

// GetObjectKind implements runtime.Object.
func (e *entry) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object.
func (e *entry) DeepCopyObject() runtime.Object { c := *e; return &c }

// kindWatch keeps the mirror at the state of one kind.
type kindWatch struct {
	gk       groupKind
	target   *Target
	stop     context.CancelFunc
	resource Resource
	listed   string // resource version of the last list

	mu      sync.Mutex
	synced  bool
	err     error
	waiting map[model.AppKey]struct{}
}

// state says whether the kind has been listed; if not, the app is told when it
// has, and err is why the last attempt failed.
func (w *kindWatch) state(app model.AppKey) (synced bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.synced {
		w.waiting[app] = struct{}{}
	}
	return w.synced, w.err
}

func (w *kindWatch) failed(err error) {
	w.mu.Lock()
	changed := w.err == nil && err != nil
	w.err = err
	var apps []model.AppKey
	if changed && !w.synced {
		for a := range w.waiting {
			apps = append(apps, a)
		}
	}
	w.mu.Unlock()
	for _, a := range apps {
		w.target.mirror.notify(a, model.ObjectKey{})
	}
}

func (w *kindWatch) markSynced() { w.settle(true) }

// markEnded tells who waits for the list that it will not come.
func (w *kindWatch) markEnded() { w.settle(false) }

func (w *kindWatch) settle(synced bool) {
	w.mu.Lock()
	waiting := w.waiting
	w.synced, w.err, w.waiting = synced, nil, map[model.AppKey]struct{}{}
	w.mu.Unlock()
	for a := range waiting {
		w.target.mirror.notify(a, model.ObjectKey{})
	}
}

// lister lists and watches one resource and digests what arrives.
type lister struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// run returns when ctx has ended, and with it everything that it has started.
func (w *kindWatch) run(ctx context.Context, l lister) {
	var digests sync.WaitGroup
	defer digests.Wait()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := l.list(ctx, o)
			if err != nil {
				w.failed(err)
				return nil, err
			}
			return w.digestList(list)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			events, err := l.watch(ctx, o)
			if err != nil {
				w.failed(err)
				return nil, err
			}
			w.failed(nil)
			digested := trimmed.New(events, w.digestEvent)
			digests.Go(digested.Run)
			return digested, nil
		},
	}
	r := cache.NewReflectorWithOptions(lw, nil, w, cache.ReflectorOptions{
		Name: "mirror", TypeDescription: w.gk.kind, Clock: clock.RealClock{},
	})
	r.WatchListPageSize = pageSize
	r.RunWithContext(ctx)
}

func (w *kindWatch) digestEvent(e watch.Event) (watch.Event, bool) {
	switch e.Type {
	case watch.Added, watch.Modified, watch.Deleted:
		e.Object = w.target.digest(w.gk, e.Object)
	}
	return e, true
}

func (w *kindWatch) digestList(list runtime.Object) (runtime.Object, error) {
	out := &metainternal.List{}
	switch l := list.(type) {
	case *metav1.PartialObjectMetadataList:
		out.ListMeta = l.ListMeta
		for i := range l.Items {
			out.Items = append(out.Items, w.target.digest(w.gk, &l.Items[i]))
		}
	case *unstructured.UnstructuredList:
		out.ResourceVersion, out.Continue = l.GetResourceVersion(), l.GetContinue()
		out.RemainingItemCount = l.GetRemainingItemCount()
		for i := range l.Items {
			out.Items = append(out.Items, w.target.digest(w.gk, &l.Items[i]))
		}
	default:
		return nil, fmt.Errorf("listing %s: the answer is a %T, not a list", w.gk.kind, list)
	}
	return out, nil
}

// Add, Update, Delete, Replace and Resync implement cache.ReflectorStore.

// Add takes in an object that appeared.
func (w *kindWatch) Add(obj any) error { return w.Update(obj) }

// Update takes in an object that changed.
func (w *kindWatch) Update(obj any) error {
	e := obj.(*entry)
	w.target.arrived(e)
	return nil
}

// Delete takes in that an object is gone.
func (w *kindWatch) Delete(obj any) error {
	e := obj.(*entry)
	w.target.gone(e.rec.Ref.ObjectKey, e.rec.ResourceVersion)
	return nil
}

// Replace takes in a whole list, as of a resource version: what it lacks is
// gone. A version that went back (a restored etcd) makes the list count more
// than anything known.
func (w *kindWatch) Replace(objs []any, version string) error {
	if newer(w.listed, version) {
		w.target.mirror.distrust(w.gk)
	}
	w.listed = version
	present := make(map[model.ObjectKey]struct{}, len(objs))
	entries := make([]*entry, len(objs))
	for i, o := range objs {
		entries[i] = o.(*entry)
		present[entries[i].rec.Ref.ObjectKey] = struct{}{}
	}
	w.target.arrived(entries...)
	for _, k := range w.target.mirror.keysOf(w.gk) {
		if _, ok := present[k]; !ok {
			w.target.gone(k, version)
		}
	}
	w.markSynced()
	return nil
}

// Resync does nothing: there is no second copy to compare with.
func (w *kindWatch) Resync() error { return nil }
