package dialect_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/dialect"
)

func named(name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "apps", Name: name}}
}

// TestReportsThatNobodyWaitsForComeLast: what somebody has written, and the answer to it,
// don't wait for what a push lets the engine tell of all apps.
func TestReportsThatNobodyWaitsForComeLast(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("")
	defer q.ShutDown()
	for i := range 500 {
		dialect.EnqueueReport(q, named(fmt.Sprintf("app-%d", i)), false)
	}
	q.Add(named("written"))
	dialect.EnqueueReport(q, named("app-400"), true)
	if n := q.Len(); n != 501 { // which also sees to it that all are in it
		t.Fatalf("%d are in the queue", n)
	}
	for _, want := range []string{"app-400", "written", "app-0", "app-1"} {
		got, _ := q.Get()
		if got.Name != want {
			t.Errorf("it is the turn of %s, not of %s", got.Name, want)
		}
		q.Done(got)
	}
}
