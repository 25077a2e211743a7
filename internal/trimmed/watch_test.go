package trimmed_test

import (
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fixpoint-cd/fixpoint/internal/trimmed"
)

func named(name string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"much": "text"}}}
}

// bare drops what is called "dropped" and leaves of others the name.
func bare(e watch.Event) (watch.Event, bool) {
	name := e.Object.(*metav1.PartialObjectMetadata).Name
	e.Object = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return e, name != "dropped"
}

func TestEventsAreTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := watch.NewFake()
		w := trimmed.New(from, bare)
		go w.Run()
		go func() {
			from.Add(named("dropped"))
			from.Modify(named("kept"))
			from.Stop()
		}()
		var got []watch.Event
		for e := range w.ResultChan() {
			got = append(got, e)
		}
		if len(got) != 1 || got[0].Type != watch.Modified {
			t.Fatalf("events %+v", got)
		}
		if o := got[0].Object.(*metav1.PartialObjectMetadata); o.Name != "kept" || o.Labels != nil {
			t.Errorf("object %+v", o)
		}
	})
}

// TestStopEnds: whatever a watch is at when it is stopped, nothing of it stays: the
// bubble would not end otherwise.
func TestStopEnds(t *testing.T) {
	for name, stopped := range map[string]func(*watch.RaceFreeFakeWatcher){
		"nothing has come":    func(*watch.RaceFreeFakeWatcher) {},
		"nobody receives one": func(from *watch.RaceFreeFakeWatcher) { from.Add(named("kept")); from.Add(named("kept")) },
		"it has ended":        func(from *watch.RaceFreeFakeWatcher) { from.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := watch.NewRaceFreeFake()
				w := trimmed.New(from, bare)
				ended := make(chan struct{})
				go func() { w.Run(); close(ended) }()
				stopped(from)
				synctest.Wait()
				w.Stop()
				w.Stop()
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Error("it goes on")
				}
				if !from.IsStopped() {
					t.Error("what it is made of goes on")
				}
			})
		})
	}
}
