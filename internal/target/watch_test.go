package target

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestEndedWatchLeavesNothing ends the watch of a kind in the middle of events, again and
// again: when run has returned, no goroutine of it is left. One that stood still would keep
// the bubble from ending.
func TestEndedWatchLeavesNothing(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := &kindWatch{gk: groupKind{"", "ConfigMap"}, target: digester(), waiting: map[model.AppKey]struct{}{}}
			w.target.mirror = newWorld().mirror
			events, opened, sent := watch.NewRaceFreeFake(), make(chan struct{}, 1), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				w.run(ctx, lister{
					list: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
						return &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}, nil
					},
					watch: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
						opened <- struct{}{}
						return events, nil
					},
				})
			}()
			<-opened
			go func() {
				defer close(sent)
				for i := range 50 {
					events.Add(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
						Namespace: "web", Name: strconv.Itoa(i), UID: "u", ResourceVersion: strconv.Itoa(i + 2),
					}})
					if i == 25 {
						cancel()
					}
				}
			}()
			<-ended
			<-sent
			if !events.IsStopped() {
				t.Error("the watch goes on")
			}
		})
	}
}
