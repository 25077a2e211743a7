package flux

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/fixpoint-cd/fixpoint/internal/dialect"
)

var _ source.Source = (*wake)(nil)

// wake is a source of a controller that puts objects into its queue by name.
// Names that are added before the controller starts are kept until then. Adding
// never blocks, and a name that is in the queue already is not added again.
type wake struct {
	mu    sync.Mutex
	queue workqueue.TypedRateLimitingInterface[reconcile.Request] // nil until started
	early map[types.NamespacedName]struct{}
}

func newWake() *wake { return &wake{early: map[types.NamespacedName]struct{}{}} }

// Start gives w the queue of its controller.
func (w *wake) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = queue
	for name := range w.early {
		queue.Add(reconcile.Request{NamespacedName: name})
	}
	w.early = nil
	return nil
}

func (w *wake) add(name types.NamespacedName) {
	w.put(name, func(r reconcile.Request) { w.queue.Add(r) })
}

// report is add of what the engine has reported of.
func (w *wake) report(name types.NamespacedName, awaited bool) {
	w.put(name, func(r reconcile.Request) { dialect.EnqueueReport(w.queue, r, awaited) })
}

func (w *wake) put(name types.NamespacedName, enqueue func(reconcile.Request)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		w.early[name] = struct{}{}
		return
	}
	enqueue(reconcile.Request{NamespacedName: name})
}
