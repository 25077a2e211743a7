package dialect

import (
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Priorities in the queue of a kind, where a change of an object has 0: what somebody
// writes is read before what the engine tells is written, but for what is waited for.
const (
	priorityAnswer = 10
	priorityNews   = -10
)

// EnqueueReport puts an object into the queue of its kind that the engine has reported
// of; awaited says that somebody has asked for what it tells.
func EnqueueReport(queue workqueue.TypedRateLimitingInterface[reconcile.Request], object reconcile.Request, awaited bool) {
	byPriority, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request])
	if !ok {
		queue.Add(object)
		return
	}
	priority := priorityNews
	if awaited {
		priority = priorityAnswer
	}
	byPriority.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, object)
}
