package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestDependencies: an app waits for others, and is woken by all that it waits
// for: their coming, their readiness, their commit, their generation.
func TestDependencies(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("front")
		app.DependsOn = []model.AppKey{appKey("back")}
		w.commit("c1", "a=1")
		w.put(app)
		waits := func(when, want string) {
			t.Helper()
			r := w.report("front")
			if r.Stage != model.StageDependency || r.Err == nil || !strings.Contains(r.Err.Error(), want) {
				t.Errorf("%s: %v: %v", when, r.Stage, r.Err)
			}
			w.did(when)
		}
		waits("alone", "not found")

		back := automated("back")
		back.Sources, back.Invalid = []model.AppSource{{Key: "other"}}, errLasting
		w.put(back)
		waits("an invalid one", "not ready")
		back = automated("back")
		back.Health.Only = []model.ObjectRef{{ObjectKey: configMap("other"), Version: "v1"}}
		w.target.fail("apply a", errLasting)
		w.put(back)
		w.target.requests()
		waits("one that fails", "not ready")
		w.target.fail("apply a", nil)
		w.target.exists("ConfigMap", "web", "other")
		w.after(time.Minute)
		if r := w.report("front"); r.Stage == model.StageDependency {
			t.Errorf("ready: %v", r.Err)
		}

		back.Generation = 2
		w.put(back)
		app.Generation = 2
		w.put(app)
		if r := w.report("front"); r.Stage == model.StageDependency {
			t.Errorf("after another generation that changes nothing: %v", r.Err)
		}
		w.engine.Forget(back.Key)
		synctest.Wait()
		if r := w.report("front"); r.Stage != model.StageDependency || r.Ready {
			t.Errorf("forgotten: %v %v", r.Stage, r.Err)
		}
	})
}

// TestDependentsWake: a new generation of a dependency that stays ready wakes
// who looked at it in between.
func TestDependentsWake(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("back"))
		front := automated("front")
		front.Sources[0].Key, front.DependsOn = "src", []model.AppKey{appKey("back")}
		front.Namespace = "web2"
		w.target.exists("Namespace", "", "web2")
		w.put(front)
		if r := w.report("front"); !r.Ready {
			t.Fatalf("front: %+v", r)
		}
		back := automated("back")
		back.Generation = 2
		w.engine.Put(back)
		w.engine.Wake(front.Key)
		synctest.Wait()
		if r := w.report("front"); !r.Ready {
			t.Errorf("front: %v", r.Err)
		}
		w.engine.Forget(back.Key)
		synctest.Wait()
		if r := w.report("front"); r.Stage != model.StageDependency {
			t.Errorf("when it is gone: %v %v", r.Stage, r.Err)
		}
	})
}

// TestDeletion: the objects go first, what can't be deleted is tried again, what
// asks to be kept stays.
func TestDeletion(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1", "b=1", "c=1")
		w.put(app)
		w.target.requests()
		w.target.change(configMap("c"), func(l *model.Live) { l.Traits.Prune, l.Traits.Delete = model.ConsentNo, model.ConsentNo })
		w.target.fail("delete b", model.As(model.ErrDenied, errors.New("forbidden")))
		app.Deleting, app.Deletion = true, "Background"
		w.put(app)
		if got := slices.Compact(w.target.requests()); !slices.Equal(got, []string{"delete a", "delete b"}) {
			t.Errorf("requests %q", got)
		}
		if r := w.report("web"); r.Deleted || r.Err == nil || !strings.Contains(r.Err.Error(), "forbidden") {
			t.Errorf("report %+v", r)
		}
		w.target.fail("delete b", nil)
		w.after(time.Minute)
		w.did("later", "delete b")
		if r := w.report("web"); !r.Deleted || r.Err != nil {
			t.Errorf("report %+v", r)
		}
		if _, there := w.target.Live(configMap("c"), app.Key, "us"); !there {
			t.Error("what asks to be kept is gone")
		}
	})
}

// TestDeletionWaits: the declaring object stays until the last object is gone.
func TestDeletionWaits(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1")
		w.put(app)
		w.target.change(configMap("a"), func(l *model.Live) { l.Terminating = true })
		app.Deleting = true
		w.put(app)
		r := w.report("web")
		if r.Deleted || r.Stage != model.StageDelete || !strings.Contains(r.Err.Error(), "waiting for deletion of ConfigMap/a") {
			t.Errorf("report %+v", r)
		}
		w.target.change(configMap("a"), nil)
		synctest.Wait()
		if r := w.report("web"); !r.Deleted {
			t.Errorf("report %+v", r)
		}
	})
}

func TestDeletionOrphans(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1")
		w.put(app)
		w.target.requests()
		app.Deleting, app.Deletion = true, "Orphan"
		w.put(app)
		w.did("orphaned")
		if !w.report("web").Deleted {
			t.Error("not told as deleted")
		}
	})
}

// TestForget: nothing is left of an app, and who shares its objects takes over.
func TestForget(t *testing.T) {
	inWorld(t, func(w *world) {
		one, two := automated("one"), automated("two")
		w.commit("c1", "a=1")
		w.put(one)
		w.target.requests()
		w.put(two)
		w.did("another app declares the same")
		r := w.report("two")
		if r.Err == nil || !strings.Contains(r.Err.Error(), "belongs to app argo/apps/one") {
			t.Errorf("report %+v", r)
		}
		shared := func(ws []model.Warning) bool {
			return slices.ContainsFunc(ws, func(w model.Warning) bool { return w.Type == model.WarnShared })
		}
		if !shared(r.Warnings) || !shared(w.report("one").Warnings) {
			t.Error("the two are not warned")
		}
		w.engine.Forget(one.Key)
		synctest.Wait()
		w.did("forgotten", "apply a")
		if live, _ := w.target.Live(configMap("a"), two.Key, "us"); live.Owner != two.Key {
			t.Errorf("owner %v", live.Owner)
		}
		if _, left := w.ledger.pairs[one.Key]; left || w.engine.Known(one.Key) || w.target.claims[one.Key] != nil {
			t.Error("something is left of the app")
		}
	})
}

// TestForgetInTheMiddle: a sync that is under way when its app is forgotten
// leaves no claim and no memory behind.
func TestForgetInTheMiddle(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		began, goOn := make(chan struct{}), make(chan struct{})
		w.target.during = func(context.Context, string) error {
			close(began)
			<-goOn
			return nil
		}
		w.push("c1", "a=1")
		w.engine.Put(app)
		<-began
		w.engine.Forget(app.Key)
		close(goOn)
		synctest.Wait()
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		if len(w.ledger.pairs)+len(w.ledger.kinds)+len(w.target.claims) != 0 {
			t.Errorf("left: %v %v %v", w.ledger.pairs, w.ledger.kinds, w.target.claims)
		}
	})
}

// TestKnownIsClaimed: after a start, what an app has applied is its own before it
// is rendered, and while it can't be.
func TestKnownIsClaimed(t *testing.T) {
	inWorld(t, func(w *world) {
		one, two := automated("one"), automated("two")
		w.commit("c1", "a=1")
		w.put(one)
		w.stop()
		w.target.claims = map[model.AppKey]map[model.ObjectKey]bool{}
		w.start()
		w.target.requests()
		one.Invalid = errLasting
		one.Known = []model.ObjectRef{{ObjectKey: configMap("a"), Version: "v1"}}
		w.engine.Hold()
		w.engine.Put(one)
		w.engine.Put(two)
		synctest.Wait()
		w.did("held")
		w.engine.Release()
		synctest.Wait()
		w.did("released")
		if live, _ := w.target.Live(configMap("a"), two.Key, "us"); live.Owner != one.Key {
			t.Errorf("owner %v", live.Owner)
		}
	})
}

// TestMove: an app that goes to another cluster claims nothing on the old one.
func TestMove(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		w.commit("c1", "a=1")
		w.put(app)
		app.Target = "gone"
		w.put(app)
		if r := w.report("web"); r.Stage != model.StageTarget || !errors.Is(r.Err, model.ErrNotFound) {
			t.Errorf("report %+v", r)
		}
		if w.target.claims[app.Key] == nil {
			t.Error("the claims went before there is another cluster")
		}
		w.target.requests()
		app.Target = "second"
		w.put(app)
		w.did("on the old cluster")
		if w.target.claims[app.Key] != nil || w.second.claims[app.Key] == nil {
			t.Error("the claims are not where the app is")
		}
		if got := w.second.requests(); !slices.Equal(got, []string{"apply a"}) {
			t.Errorf("requests on the new cluster: %q", got)
		}
		n := w.sources.renders
		w.engine.TargetChanged("second")
		w.engine.TargetChanged("gone")
		synctest.Wait()
		if w.sources.renders != n+1 {
			t.Errorf("%d reconciles after the connection changed", w.sources.renders-n)
		}
	})
}

// TestKinds: an object of a kind that is not served hinders no other, and is
// written when the kind comes; one whose kind goes is waited for again.
func TestKinds(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1", "Widget/w=1")
		w.put(automated("web"))
		w.did("the kind is not served", "apply a")
		w.phase("the kind is not served", "web", model.PhaseFailed, "does not know kind Widget")
		w.after(time.Hour)
		w.did("retries")
		w.target.serve("Widget", true)
		w.engine.KindsChanged("")
		synctest.Wait()
		w.did("it is served", "apply w")
		w.phase("it is served", "web", model.PhaseSucceeded, "")

		w.target.serve("Widget", false)
		key := configMap("w")
		key.Kind = "Widget"
		w.target.change(key, nil)
		w.after(time.Hour)
		w.did("it is not served any more")
		w.target.serve("Widget", true)
		w.engine.KindsChanged("")
		synctest.Wait()
		w.did("it is back", "apply w")
	})
}

// TestHealth: a commit is ready when what is waited for is healthy, and fails
// when it is degraded or too late.
func TestHealth(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Health.All, app.Sync.Timeout = true, time.Minute
		health := func(status model.HealthStatus) {
			w.target.change(configMap("a"), func(l *model.Live) { l.Health = model.Health{Status: status, Message: "m"} })
			synctest.Wait()
		}
		w.commit("c1", "a=1")
		w.put(app)
		health(model.Progressing)
		r := w.report("web")
		if want := []string{"ConfigMap/web/a: Progressing, m"}; r.Ready || r.Err != nil || !cmp.Equal(want, r.Unready) {
			t.Errorf("progressing: %+v", r)
		}
		w.after(2 * time.Minute)
		if r := w.report("web"); r.Stage != model.StageHealth || !strings.Contains(r.Err.Error(), "timeout after 1m0s") {
			t.Errorf("too late: %v %v", r.Stage, r.Err)
		}
		health(model.Degraded)
		if r := w.report("web"); r.Stage != model.StageHealth || !strings.Contains(r.Err.Error(), "health check failed") {
			t.Errorf("degraded: %v %v", r.Stage, r.Err)
		}
		health(model.Healthy)
		if r := w.report("web"); !r.Ready || r.Err != nil || len(r.Unready) != 0 {
			t.Errorf("healthy: %+v", r)
		}
	})
}

// TestWarnings: what the adapter, the renderer and the comparison have to tell
// stands in every report, that of a sync that begins too.
func TestWarnings(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Warnings = []model.Warning{{Type: model.WarnField, Message: "spec.x is not honoured"}}
		w.target.Claim(appKey("other"), []model.ObjectKey{configMap("a")}, nil)
		w.push("c1", "a=1")
		w.put(app)
		all := w.reports.since(0)
		if len(all) < 2 {
			t.Fatalf("%d reports", len(all))
		}
		for i, r := range all {
			var got []model.WarningType
			for _, x := range r.Warnings {
				got = append(got, x.Type)
			}
			if diff := cmp.Diff([]model.WarningType{model.WarnField, model.WarnShared}, got); diff != "" {
				t.Errorf("report %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

// TestForgetsPairs: what is not declared any more is not remembered.
func TestForgetsPairs(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		app.Sync.Prune = false
		w.commit("c1", "a=1", "b=1", "c=1")
		w.put(app)
		w.commit("c2", "a=1")
		if n := len(w.ledger.pairs[app.Key]); n != 1 {
			t.Errorf("%d pairs are remembered", n)
		}
		w.commit("c3", "a=1", "b=1")
		w.target.requests()
		w.after(time.Hour)
		w.did("one that came back")
	})
}

// TestRequestDuringHard: a hard refresh that comes before there is content is
// not lost.
func TestHardIsKept(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("web"))
		w.target.requests()
		w.target.mu.Lock()
		w.target.listed = false
		w.target.mu.Unlock()
		w.engine.Refresh(appKey("web"), true)
		synctest.Wait()
		w.did("while nothing is listed")
		w.target.mu.Lock()
		w.target.listed = true
		w.target.mu.Unlock()
		w.engine.Wake(appKey("web"))
		synctest.Wait()
		w.did("when it is", "dry-run a")
	})
}

// TestHardRendersAnew: a hard refresh trusts no remembered render, once.
func TestHardRendersAnew(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.put(automated("web"))
		anew := func(when string, want bool) {
			t.Helper()
			w.sources.mu.Lock()
			defer w.sources.mu.Unlock()
			if got := w.sources.asked[len(w.sources.asked)-1].Anew; got != want {
				t.Errorf("%s: rendered anew is %v", when, got)
			}
		}
		anew("at first", false)
		w.engine.Refresh(appKey("web"), true)
		synctest.Wait()
		anew("with a hard refresh", true)
		w.engine.Refresh(appKey("web"), false)
		synctest.Wait()
		anew("afterwards", false)
	})
}

// TestElsewhereIsAskedAgain: a render that failed for something that nobody
// watches is tried again without an event.
func TestElsewhereIsAskedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.commit("c1", "a=1")
		w.sources.mu.Lock()
		w.sources.errs["c1"] = model.As(model.ErrElsewhere, model.Invalidf("the plugin failed"))
		w.sources.mu.Unlock()
		w.put(automated("web"))
		w.did("while it fails")
		w.sources.mu.Lock()
		delete(w.sources.errs, "c1")
		before := w.sources.renders
		w.sources.mu.Unlock()
		w.after(elsewhere - time.Second)
		w.did("before the pause is over")
		w.sources.mu.Lock()
		if w.sources.renders != before {
			t.Error("rendered during the pause")
		}
		w.sources.mu.Unlock()
		w.after(2 * time.Second)
		w.did("after the pause", "apply a")
	})
}

func TestMergeResults(t *testing.T) {
	res := func(name string, a model.Action, err error) model.Result {
		return model.Result{Object: model.ObjectRef{ObjectKey: configMap(name)}, Action: a, Err: err}
	}
	old := []model.Result{
		res("a", model.ActionCreate, nil), res("b", model.ActionCreate, errLasting), res("c", model.ActionDelete, nil), res("d", model.ActionKeep, nil),
		res("e", model.ActionDelete, nil),
	}
	now := []model.Result{res("a", model.ActionKeep, nil), res("b", model.ActionUpdate, nil), res("d", model.ActionUpdate, nil),
		res("e", model.ActionWait, nil)}
	var got []string
	for _, r := range mergeResults(old, now) {
		got = append(got, string(r.Action)+" "+r.Object.Name)
	}
	if diff := cmp.Diff([]string{"create a", "update b", "delete c", "update d", "delete e"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// TestOtherRules: objects that a rule is about are compared anew when it comes,
// changes or goes, and no others; nothing is written for its sake.
func TestOtherRules(t *testing.T) {
	inWorld(t, func(w *world) {
		app := automated("web")
		ignoring := func(pointers ...string) {
			app.Compare.Ignore = []model.IgnoredFields{{Kind: "ConfigMap", Name: "a", Pointers: pointers}}
			w.put(app)
		}
		w.commit("c1", "a=1", "b=1")
		w.put(app)
		w.target.requests()
		ignoring("/data/x")
		w.did("a rule that comes", "dry-run a")
		ignoring("/data/x")
		w.did("the same rule")
		w.target.change(configMap("a"), drifts)
		synctest.Wait()
		w.did("a change that counts", "apply a", "dry-run a")
		ignoring("/data/y")
		w.did("another rule", "dry-run a")
		app.Compare.Ignore = nil
		w.put(app)
		w.did("a rule that goes", "dry-run a")
		w.engine.Wake(app.Key)
		synctest.Wait()
		w.did("afterwards")
	})
}
