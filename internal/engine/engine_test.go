package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestSync: a commit is applied once; where nothing differs, nothing is asked.
func TestSync(t *testing.T) {
	inWorld(t, func(w *world) {
		w.put(automated("web"))
		if r := w.report("web"); r.Operation != nil || r.Snapshot != nil {
			t.Errorf("before there is any content: %+v", r)
		}
		w.commit("c1", "a=1", "b=1")
		w.did("first commit", "apply a", "apply b")
		w.phase("first commit", "web", model.PhaseSucceeded, "")
		r := w.report("web")
		if !r.Ready || r.Sync != model.Synced || r.Applied != "c1" || len(r.Resources) != 2 || r.Err != nil {
			t.Errorf("report %+v", r)
		}
		w.engine.Refresh(appKey("web"), false)
		w.commit("c2", "a=1", "b=1")
		w.did("nothing differs")
		if r := w.report("web"); r.Applied != "c2" {
			t.Errorf("applied %q", r.Applied)
		}
		w.commit("c3", "a=2")
		w.did("one changes, one goes", "apply a", "delete b")
		w.engine.Refresh(appKey("web"), true)
		synctest.Wait()
		w.did("nothing is trusted", "dry-run a")
	})
}

// TestRestart: what is in sync costs no request; a lost ledger costs dry runs.
func TestRestart(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("web"))
		w.target.requests()
		w.stop()
		w.start()
		w.put(automated("web"))
		w.did("restart")
		if r := w.report("web"); !r.Ready || r.Sync != model.Synced {
			t.Errorf("report %+v", r)
		}
		w.stop()
		w.ledger = newMemory()
		w.start()
		w.put(automated("web"))
		w.did("restart without the ledger", "dry-run a")
	})
}

// TestRetry: a sync that fails for a lasting reason is repeated with the app's
// back-off up to its limit, and the report keeps telling why.
func TestRetry(t *testing.T) {
	inWorld(t, func(w *world) {
		w.target.fail("apply a", errLasting)
		w.commit("c1", "a=1", "b=1")
		w.put(automated("web"))
		w.did("first attempt", "apply a", "apply b")
		w.after(9 * time.Second)
		w.did("before the pause is over")
		w.after(2 * time.Second)
		w.did("second attempt", "apply a")
		w.after(18 * time.Second)
		w.did("before the longer pause is over")
		w.after(3 * time.Second)
		w.did("third attempt", "apply a")
		w.after(time.Hour)
		w.did("after the last")
		w.phase("after the last", "web", model.PhaseFailed, "not valid")
		w.engine.Refresh(appKey("web"), false)
		synctest.Wait()
		r := w.report("web")
		if r.Stage != model.StageApply || r.Err == nil || !strings.Contains(r.Err.Error(), "not valid") || r.Ready || r.Sync != model.OutOfSync {
			t.Errorf("after another event: %+v", r)
		}
		if len(r.Resources) != 2 {
			t.Errorf("resources %+v", r.Resources)
		}
		w.target.fail("apply a", nil)
		w.commit("c2", "a=2", "b=1")
		w.did("a new commit", "apply a")
		w.phase("a new commit", "web", model.PhaseSucceeded, "")
	})
}

// TestRetryPassing: what passes is tried again beyond the limit.
func TestRetryPassing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.target.fail("apply a", errPassing)
		w.commit("c1", "a=1")
		w.put(automated("web"))
		w.after(10 * time.Minute)
		if n := len(w.target.requests()); n < 10 || n > 60 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		w.target.fail("apply a", nil)
		w.after(time.Minute)
		w.did("when it has passed", "apply a")
		w.phase("when it has passed", "web", model.PhaseSucceeded, "")
		w.after(time.Hour)
		w.did("and then")
	})
}

// TestSupersede: a commit that comes in the middle of a sync ends that, and is
// applied; what was cut off is compared anew.
func TestSupersede(t *testing.T) {
	inWorld(t, func(w *world) {
		hold := true
		w.target.during = func(ctx context.Context, what string) error {
			if !hold {
				return nil
			}
			<-ctx.Done()
			return model.As(model.ErrTransient, context.Cause(ctx))
		}
		w.commit("c1", "a=1")
		w.put(automated("web"))
		n := len(w.reports.since(0))
		hold = false
		w.commit("c2", "a=2")
		w.did("superseded", "apply a")
		w.phase("superseded", "web", model.PhaseSucceeded, "")
		if r := w.report("web"); r.Applied != "c2" {
			t.Errorf("applied %q", r.Applied)
		}
		for _, r := range w.reports.since(n) {
			if r.Err != nil {
				t.Errorf("being superseded is told as an error: %v", r.Err)
			}
		}
	})
}

// TestCutOff: an object whose write was cut off is not believed to be as before,
// even if its ownership looks the same.
func TestCutOff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("web"))
		w.target.requests()
		second := false
		w.target.during = func(ctx context.Context, _ string) error {
			if second {
				return nil
			}
			second = true
			w.target.mu.Lock() // it is done, and the answer is lost
			w.target.content[configMap("a")] = model.Digest{9}
			w.target.mu.Unlock()
			<-ctx.Done()
			return model.As(model.ErrTransient, context.Cause(ctx))
		}
		w.commit("c2", "a=2")
		w.commit("c3", "a=1")
		w.did("back to the first content", "apply a", "dry-run a")
	})
}

// TestRequest: a manual request is carried out once, with what it asks for.
func TestRequest(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync = model.Sync{}
		w.put(app)
		w.commit("c1", "a=1", "b=1")
		w.did("nobody asked")
		if r := w.report("web"); r.Sync != model.OutOfSync || r.Operation != nil {
			t.Errorf("report %+v", r)
		}
		req := model.Request{ID: "1", By: "me", Only: []model.ObjectKey{{Kind: "ConfigMap", Name: "a"}}}
		w.engine.Operate(app.Key, req)
		synctest.Wait()
		w.did("one object", "apply a")
		w.phase("one object", "web", model.PhaseSucceeded, "")
		w.target.change(configMap("a"), drifts)
		synctest.Wait()
		w.engine.Operate(app.Key, req)
		synctest.Wait()
		w.did("the same again", "dry-run a")
		w.engine.Operate(app.Key, model.Request{ID: "2", By: "me", Revision: "other"})
		synctest.Wait()
		w.did("a revision that the app does not follow")
		w.phase("a revision that the app does not follow", "web", model.PhaseError, "not possible")
		w.engine.Operate(app.Key, model.Request{ID: "3", By: "me"})
		synctest.Wait()
		w.did("all", "apply a", "apply b")
		w.commit("c2", "a=1")
		w.engine.Operate(app.Key, model.Request{ID: "4", By: "me"})
		synctest.Wait()
		w.did("without prune")
		w.engine.Operate(app.Key, model.Request{ID: "5", By: "me", Prune: true})
		synctest.Wait()
		w.did("with prune", "delete b")
	})
}

// TestHeal: drift is repaired at once, a fight over an object ever more slowly,
// and another object beside it at once all the same.
func TestHeal(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1", "b=1")
		w.put(automated("web"))
		w.target.requests()
		for i := range freeHeals {
			w.target.change(configMap("a"), drifts)
			synctest.Wait()
			w.did(fmt.Sprint("drift ", i), "apply a")
		}
		w.target.change(configMap("a"), drifts)
		synctest.Wait()
		w.did("the next waits", "read a")
		w.target.change(configMap("b"), nil)
		synctest.Wait()
		w.did("another object", "apply b")
		w.after(3 * time.Second)
		w.did("when the pause is over", "apply a")
		w.target.change(configMap("a"), drifts)
		w.after(2 * time.Second)
		w.did("the pause grows", "read a")
		w.after(3 * time.Second)
		w.did("and is over", "apply a")
		w.after(2 * healQuiet)
		w.target.change(configMap("a"), drifts)
		synctest.Wait()
		w.did("after a quiet time", "apply a")
		if s := w.engine.app(appKey("web")); len(s.heals) != 1 {
			t.Errorf("%d heals are remembered", len(s.heals))
		}
	})
}

func TestNoSelfHeal(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync.SelfHeal = false
		w.commit("c1", "a=1")
		w.put(app)
		w.target.requests()
		w.target.change(configMap("a"), drifts)
		synctest.Wait()
		w.did("drift", "dry-run a")
		if r := w.report("web"); r.Sync != model.OutOfSync {
			t.Errorf("report %+v", r)
		}
	})
}

// TestBlocked: an empty source deletes nothing, costs no retries, and goes on
// as soon as it is permitted.
func TestBlocked(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1")
		w.put(app)
		w.target.requests()
		w.commit("c2")
		for range 10 {
			w.engine.Refresh(app.Key, false)
			w.after(time.Minute)
		}
		w.did("blocked")
		w.phase("blocked", "web", model.PhaseError, "declares no objects")
		r := w.report("web")
		if r.Operation.Retries != 0 || !errors.Is(r.Err, model.ErrDenied) || r.Ready {
			t.Errorf("after many events: %+v, %d retries", r, r.Operation.Retries)
		}
		app.Sync.AllowEmpty = true
		w.put(app)
		w.did("permitted", "delete a")
		w.phase("permitted", "web", model.PhaseSucceeded, "")
	})
}

// TestWait: an object that can't be written yet keeps the sync running; drift
// beside it is repaired, and an event ends the wait.
func TestWait(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1", "b=1")
		w.put(automated("web"))
		w.target.requests()
		w.target.change(configMap("a"), func(l *model.Live) { l.Terminating = true })
		synctest.Wait()
		w.phase("while it is being deleted", "web", model.PhaseRunning, "is being deleted")
		w.target.change(configMap("b"), drifts)
		synctest.Wait()
		w.did("drift meanwhile", "apply b")
		w.after(time.Hour)
		w.did("nothing is polled")
		w.target.change(configMap("a"), nil)
		synctest.Wait()
		w.did("when it is gone", "apply a")
		w.phase("when it is gone", "web", model.PhaseSucceeded, "")
	})
}

// TestFightWhileWaiting: a sync that waits doesn't fight at full speed either.
func TestFightWhileWaiting(t *testing.T) {
	inWorld(t, func(w *world) {
		w.target.exists("ConfigMap", "web", "b")
		w.target.change(configMap("b"), func(l *model.Live) { l.Terminating = true })
		w.commit("c1", "a=1", "b=1")
		w.put(automated("web"))
		w.phase("begun", "web", model.PhaseRunning, "b: is being deleted")
		for range 50 {
			w.target.change(configMap("a"), drifts)
			synctest.Wait()
		}
		if n := len(w.target.requests()); n > freeHeals+2 {
			t.Errorf("%d writes in no time", n)
		}
	})
}

// TestSuspended: nothing is done, and everything is made up for.
func TestSuspended(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Suspended = true
		w.put(app)
		w.commit("c1", "a=1")
		w.did("suspended")
		if n := len(w.reports.since(0)); n != 0 {
			t.Errorf("%d reports", n)
		}
		app.Suspended = false
		w.put(app)
		w.did("resumed", "apply a")
	})
}

// TestSourceErrors: what was applied is kept up, the error is told, nothing is
// deleted and nothing polled.
func TestSourceErrors(t *testing.T) {
	for name, c := range map[string]struct {
		stage model.Stage
		fail  func(*world)
		ready bool
	}{
		"render": {model.StageRender, func(w *world) {
			w.sources.errs["c2"] = errLasting
			w.push("c2")
		}, false},
		"source": {model.StageSource, func(w *world) {
			w.sources.fail(errPassing)
			w.engine.SourceChanged("src")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.commit("c1", "a=1")
				w.put(automated("web"))
				w.target.requests()
				c.fail(w)
				synctest.Wait()
				r := w.report("web")
				if r.Stage != c.stage || r.Err == nil || r.Ready != c.ready || r.Snapshot.Commit.ID != "c1" || r.Sync != model.Synced {
					t.Errorf("report %+v", r)
				}
				w.target.change(configMap("a"), nil)
				synctest.Wait()
				w.did("drift meanwhile", "apply a")
				n := w.sources.renders
				w.after(time.Hour)
				if w.sources.renders != n {
					t.Errorf("%d reconciles without an event", w.sources.renders-n)
				}
			})
		})
	}
}

func TestNoContentYet(t *testing.T) {
	inWorld(t, func(w *world) {
		w.sources.fail(model.As(model.ErrDenied, errors.New("authentication failed")))
		w.put(automated("web"))
		if r := w.report("web"); r.Stage != model.StageSource || !errors.Is(r.Err, model.ErrDenied) || r.Resources != nil {
			t.Errorf("report %+v", r)
		}
	})
}

// TestTargetDown: a cluster that can't be listed is asked again.
func TestTargetDown(t *testing.T) {
	inWorld(t, func(w *world) {
		w.target.fail("list", errPassing)
		w.commit("c1", "a=1")
		w.put(automated("web"))
		if r := w.report("web"); r.Stage != model.StageTarget || r.Resources != nil {
			t.Errorf("report %+v", r)
		}
		w.did("down")
		w.after(time.Minute)
		w.target.fail("list", nil)
		w.after(time.Minute)
		w.did("up again", "apply a")
	})
}

// TestUnjudged: where it can't be told what counts of an object's differences, it is
// left as it is and the app says why; its other objects are synced.
func TestUnjudged(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1", "b=1")
		w.put(app)
		app.Compare.Ignore = []model.IgnoredFields{{Kind: "ConfigMap", Name: "a", JQ: []string{".data["}}}
		w.put(app)
		w.target.requests()
		w.commit("c2", "a=2", "b=2")
		for _, did := range w.target.requests() {
			if did == "apply a" {
				t.Error("it was written")
			}
		}
		if live := w.target.content[configMap("b")]; live.IsZero() {
			t.Error("the other object is not there")
		}
		if r := w.report("web"); r.Err == nil || !strings.Contains(r.Err.Error(), "what counts of its differences can't be told") {
			t.Errorf("report %+v", r)
		}
		app.Compare = model.Comparison{}
		w.put(app)
		w.phase("repaired", "web", model.PhaseSucceeded, "")
		if slices.Index(w.target.requests(), "apply a") < 0 {
			t.Error("it is not written after the repair")
		}
	})
}
