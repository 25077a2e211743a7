package engine

import (
	"testing"
	"testing/synctest"

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
	})
}
