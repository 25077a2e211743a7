package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
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

// TestSecurityDeclaredIsNotOwned: an app that declares what is another's learns nothing
// of it and is told so, in its report and in what a sync would do; nor does it of what
// it may not write.
func TestSecurityDeclaredIsNotOwned(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("first"))
		w.commit("c2", "a=1", "b=1")
		second := automated("second")
		w.put(second)
		foreign := func(name string) map[string]bool {
			out := map[string]bool{}
			for _, s := range w.report(name).Resources {
				out[s.Object.Name] = s.Foreign
			}
			return out
		}
		if got := foreign("first"); got["a"] || got["b"] || len(got) != 2 {
			t.Errorf("of its own objects the first app says %v", got)
		}
		if got := foreign("second"); !got["a"] || !got["b"] {
			t.Errorf("of the first's objects the second says %v", got)
		}
		looks := New(Config{
			Sources: w.sources, Renderer: w.sources, Ledger: newMemory(), Log: slog.New(slog.DiscardHandler),
			Target: func(string) (Target, error) { return w.target, nil },
			Dialects: map[string]Dialect{"argo": {Stamp: stamp, Permit: func(app model.App, refs []model.ObjectRef) error {
				if app.Key.Name == "first" && refs[0].Name == "b" {
					return model.As(model.ErrDenied, errors.New("not there"))
				}
				return nil
			}}},
		})
		ctx, cancel := context.WithCancel(w.t.Context())
		defer synctest.Wait()
		defer cancel()
		go func() { _ = looks.Run(ctx) }() // it ends what New has begun
		barred := func(app model.App) string {
			found, err := looks.Inspect(w.t.Context(), app, make(chan struct{}))
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for key, why := range found.Barred {
				out = append(out, key.Name+": "+why.Error())
			}
			slices.Sort(out)
			return strings.Join(out, "\n")
		}
		if got, want := barred(second), "a: ConfigMap/web/a belongs to another app"; !strings.HasPrefix(got, want) || !strings.Contains(got, "\nb: ") {
			t.Errorf("a sync of the second is barred from %q, want %q and b", got, want)
		}
		if got := barred(automated("first")); got != "b: not there" {
			t.Errorf("a sync of the first is barred from %q", got)
		}
		w.engine.Forget(appKey("first"))
		synctest.Wait()
		if got := foreign("second"); got["a"] || got["b"] {
			t.Errorf("after the first has let go, the second says %v", got)
		}
	})
}
