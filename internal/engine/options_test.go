package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestRequestOptions: what a request says of its sync holds for that one, over what
// the app says.
func TestRequestOptions(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync, app.Namespace = model.Sync{}, "new"
		w.put(app)
		w.commit("c1", "a=1", "b=1")
		w.engine.Operate(app.Key, model.Request{ID: "1", By: "me"})
		synctest.Wait()
		w.did("there is no namespace")
		w.phase("there is no namespace", "web", model.PhaseFailed, "does not exist")
		w.engine.Operate(app.Key, model.Request{ID: "2", By: "me", Options: &model.Options{CreateNamespace: model.Yes}})
		synctest.Wait()
		w.did("with CreateNamespace", "apply a", "apply b", "apply new")

		w.commit("c2", "a=1")
		keep := &model.Options{Defaults: model.Traits{Prune: model.ConsentNo}}
		w.engine.Operate(app.Key, model.Request{ID: "3", By: "me", Prune: true, Options: keep})
		synctest.Wait()
		w.did("with Prune=false")
		w.engine.Operate(app.Key, model.Request{ID: "4", By: "me", Prune: true})
		synctest.Wait()
		w.did("without it", "delete b")

		app.Namespace = "other"
		w.put(app)
		part := []model.ObjectKey{{Kind: "ConfigMap", Name: "a"}}
		w.engine.Operate(app.Key, model.Request{ID: "part", By: "me", Only: part, Options: &model.Options{CreateNamespace: model.Yes}})
		synctest.Wait()
		w.did("a part, in another namespace", "apply a", "apply other")
	})
}

// TestRequestOptionsEnd: a request that failed says nothing of the automated sync of
// the next commit, and something of its own repetition.
func TestRequestOptionsEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.put(app)
		w.commit("c1", "a=1", "b=1")
		w.did("automated", "apply a", "apply b")
		w.target.fail("apply a", model.As(model.ErrInvalid, errors.New("refused")))
		keep := &model.Options{Defaults: model.Traits{Prune: model.ConsentNo}}
		w.commit("c2", "a=2")
		w.did("it fails", "apply a")
		w.engine.Operate(app.Key, model.Request{ID: "1", By: "me", Prune: true, Options: keep, Retry: model.Retry{Limit: 1, Base: time.Hour}})
		synctest.Wait()
		w.did("by hand", "apply a")
		w.target.fail("apply a", nil)
		w.after(2 * time.Hour)
		w.did("repeated with Prune=false", "apply a")
		w.target.fail("apply a", model.As(model.ErrInvalid, errors.New("refused")))
		w.commit("c3", "a=3", "b=1")
		w.engine.Operate(app.Key, model.Request{ID: "2", By: "me", Prune: true, Options: keep})
		synctest.Wait()
		w.target.requests()
		w.target.fail("apply a", nil)
		w.commit("c4", "a=4")
		w.did("the next commit", "apply a", "delete b")
	})
}

// TestFailOnShared: a sync that would touch another app's object fails before its
// first write; the app that has the object goes on.
func TestFailOnShared(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1", "b=1")
		first := automated("first")
		first.Sync.FailOnShared = true
		w.put(first)
		w.did("alone", "apply a", "apply b")
		second := automated("second")
		second.Sync.FailOnShared, second.Sync.Retry = true, model.Retry{}
		w.put(second)
		w.did("of another app")
		w.phase("of another app", "second", model.PhaseError, "FailOnSharedResource=true")
		w.commit("c2", "a=2", "b=1")
		w.did("its own", "apply a")
		w.phase("its own", "first", model.PhaseSucceeded, "")
		w.engine.Forget(first.Key)
		synctest.Wait()
		w.phase("what stood in the way is gone", "second", model.PhaseSucceeded, "")
	})
}
