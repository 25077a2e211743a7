package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestWithdraw: a request that is taken back while it waits is not carried out, and one
// that has been carried out is not undone.
func TestWithdraw(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync.Auto = false
		w.commit("c1", "a=1")
		w.put(app)
		w.engine.Operate(app.Key, model.Request{ID: "1", By: "somebody", Look: "look-1"})
		synctest.Wait()
		w.engine.Withdraw(app.Key, "another")
		w.engine.Withdraw(app.Key, "1")
		w.sources.look("look-1")
		w.engine.SourceChanged("src")
		synctest.Wait()
		w.did("taken back while it waited for a look")

		w.engine.Operate(app.Key, model.Request{ID: "2", By: "somebody"})
		synctest.Wait()
		w.engine.Withdraw(app.Key, "2")
		synctest.Wait()
		w.did("taken back when it was over", "apply a")
		w.phase("taken back when it was over", "web", model.PhaseSucceeded, "")

		w.engine.Operate(app.Key, model.Request{ID: "3", By: "somebody", Look: "look-3"})
		w.engine.Withdraw(app.Key, "another")
		w.sources.look("look-3")
		w.engine.SourceChanged("src")
		synctest.Wait()
		if op := w.report("web").Operation; op.Request.ID != "3" {
			t.Errorf("one that was not meant is not carried out: the last is %q", op.Request.ID)
		}
	})
}

// TestPinnedRepeats: a sync of another revision that fails for a cause that passes is
// repeated at that revision, without a limit.
func TestPinnedRepeats(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync.Auto = false
		w.sources.commit("c0", "a=0")
		pinned := w.sources.state
		w.commit("c1", "a=1")
		w.sources.others = map[model.SourceKey]model.SourceState{"pin": pinned}
		w.put(app)
		w.target.fail("apply a", errPassing)
		w.engine.Operate(app.Key, model.Request{
			ID: "1", By: "somebody", Revision: "v0", Pin: &model.Pin{Revision: "v0", Spec: app.Spec, Sources: []model.AppSource{{Key: "pin"}}},
		})
		w.after(time.Minute)
		if n := len(w.target.requests()); n < 3 {
			t.Errorf("%d attempts in a minute", n)
		}
		w.target.fail("apply a", nil)
		w.after(time.Minute)
		w.phase("when it has passed", "web", model.PhaseSucceeded, "")
		if op := w.report("web").Operation; op.Revision != "c0" {
			t.Errorf("applied %s", op.Revision)
		}
	})
}

// TestPinnedIsApplied: after a rollback what is applied is what it went back to, not what
// the app follows; a rollback that was only tried, or is of some objects, changes nothing.
func TestPinnedIsApplied(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*model.Request)
		want   string
	}{
		"rollback":     {func(*model.Request) {}, "c0"},
		"dry run":      {func(r *model.Request) { r.DryRun = true }, "c1"},
		"some objects": {func(r *model.Request) { r.Only = []model.ObjectKey{{Kind: "ConfigMap", Name: "a"}} }, "c1"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				app := automated("web")
				app.Sync.Auto = false
				w.sources.commit("c0", "a=0", "b=0")
				pinned := w.sources.state
				w.commit("c1", "a=1", "b=1")
				w.sources.others = map[model.SourceKey]model.SourceState{"pin": pinned}
				w.put(app)
				w.engine.Operate(app.Key, model.Request{ID: "0", By: "somebody"})
				w.after(time.Minute)
				req := model.Request{ID: "1", By: "somebody", Revision: "v0", Pin: &model.Pin{Revision: "v0", Spec: app.Spec, Sources: []model.AppSource{{Key: "pin"}}}}
				c.change(&req)
				w.engine.Operate(app.Key, req)
				w.after(time.Minute)
				w.phase(name, "web", model.PhaseSucceeded, "")
				if r := w.report("web"); r.Applied != c.want || r.Snapshot == nil || r.Snapshot.Revision != "c1" {
					t.Errorf("applied %s, following %v; want %s and c1", r.Applied, r.Snapshot, c.want)
				}
			})
		})
	}
}
