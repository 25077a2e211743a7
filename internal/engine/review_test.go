package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestRecordedMeanwhile: that the beginning of an operation is recorded is heard
// also while the engine is about to find that it is not.
func TestRecordedMeanwhile(t *testing.T) {
	inStages(t, func(s *staged) {
		s.status.late = true
		var op *model.Operation
		s.status.during = func(r model.Report) {
			if op == nil {
				op = r.Operation
			}
		}
		s.hooks.looked = func(key model.ObjectKey) {
			if key == job("hook") && op != nil && op.Phase == model.PhaseRunning {
				s.engine.Recorded(appKey("web"), op.Mark(), op.Phase, 0)
				s.hooks.looked = nil
			}
		}
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(automated("web"))
		if s.hooks.looked != nil {
			t.Error("nobody has looked at the hook")
		}
		s.wrote("the beginning is recorded", "apply hook")
	})
}

// TestTimeoutIsRepeated: what took too long is tried again as the app says.
func TestTimeoutIsRepeated(t *testing.T) {
	inStages(t, func(s *staged) {
		app := automated("web")
		app.Sync.Timeout = time.Minute
		app.Sync.Retry = model.Retry{Limit: -1, Base: 2 * time.Minute, Factor: 1}
		s.target.change(model.ObjectKey{Kind: "Namespace", Name: "web"}, func(l *model.Live) { l.Terminating = true })
		s.release("c1", "a=1")
		s.put(app)
		s.phase("it waits", "web", model.PhaseRunning, "is being deleted")
		s.after(61 * time.Second)
		s.phase("too long", "web", model.PhaseFailed, "timeout after 1m0s")
		s.after(2 * time.Minute)
		s.phase("once more", "web", model.PhaseRunning, "is being deleted")
		s.after(30 * time.Second)
		s.phase("it has its own time", "web", model.PhaseRunning, "is being deleted")
		s.target.change(model.ObjectKey{Kind: "Namespace", Name: "web"}, nil)
		synctest.Wait()
		s.target.exists("Namespace", "", "web")
		s.engine.Wake(app.Key)
		synctest.Wait()
		s.after(3 * time.Minute)
		s.phase("nothing is in the way", "web", model.PhaseSucceeded, "")
	})
}

// TestPinnedWaits: a return to what the history keeps goes on to its end, however
// often it is looked at.
func TestPinnedWaits(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "slow=1", "b=1 wave=1")
		s.put(byHand("web"))
		s.ask("1", nil)
		s.hooks.ends(configMap("slow"), model.Healthy)
		s.release("c2", "slow=2", "b=2 wave=1")
		s.ask("2", nil)
		s.hooks.ends(configMap("slow"), model.Healthy)
		s.phase("two are deployed", "web", model.PhaseSucceeded, "")
		s.target.requests()
		s.ask("3", func(r *model.Request) { r.Pin = &model.Pin{Revision: "c1", Spec: model.Digest{1}} })
		s.phase("the first wave", "web", model.PhaseRunning, "slow")
		s.engine.Wake(appKey("web"))
		synctest.Wait()
		s.phase("looked at once more", "web", model.PhaseRunning, "slow")
		s.hooks.ends(configMap("slow"), model.Healthy)
		s.phase("rolled back", "web", model.PhaseSucceeded, "")
		s.wrote("rolled back", "apply b", "apply slow")
		marks := map[string]bool{}
		for _, r := range s.reports.since(0) {
			if op := r.Operation; op != nil && op.Request.ID == "3" {
				marks[op.Mark()] = true
			}
		}
		if len(marks) != 1 {
			t.Errorf("there were %d operations", len(marks))
		}
	})
}

// TestSupersededIsNotKept: what a sync has ended with that newer content has
// superseded is not kept as what its revision declares.
func TestSupersededIsNotKept(t *testing.T) {
	inStages(t, func(s *staged) {
		app := automated("web")
		app.History = 10
		s.release("c1", "a=1", "Job/hook=1 hook=PostSync")
		s.put(app)
		s.release("c2", "a=2", "Job/hook=1 hook=PostSync")
		s.hooks.ends(job("hook"), model.Healthy)
		s.hooks.ends(job("hook"), model.Healthy)
		if got := s.history.data("c1"); slices.Contains(got, "a=2") {
			t.Errorf("of c1 is kept %q", got)
		}
		if got := s.history.data("c2"); !slices.Contains(got, "a=2") {
			t.Errorf("of c2 is kept %q", got)
		}
	})
}

// guarded is an app that is rolled back when a sync ends badly.
func guarded() model.App {
	app := automated("web")
	app.History, app.Sync.Rollback, app.Sync.Retry = 10, true, model.Retry{}
	return app
}

// TestProvenStaysProven: a restart does not make a revision doubtful that was seen
// healthy before.
func TestProvenStaysProven(t *testing.T) {
	inStages(t, func(s *staged) {
		app := guarded()
		s.release("c1", "a=1")
		s.put(app)
		s.release("c2", "a=2")
		s.after(time.Hour)
		s.again(app)
		s.target.requests()
		s.target.change(configMap("a"), func(l *model.Live) { l.Health = model.Health{Status: model.Degraded} })
		synctest.Wait()
		s.wrote("degraded long after")
		if op := s.report("web").Operation; op.Request.Rollback {
			t.Errorf("rolled back: %+v", op)
		}
	})
}

// TestRepairAfterRestart: after a restart too, a change of the declaration is tried
// where a revision was given up.
func TestRepairAfterRestart(t *testing.T) {
	inStages(t, func(s *staged) {
		app := guarded()
		s.release("c1", "a=1")
		s.put(app)
		s.release("c2", "bad=1")
		s.phase("rolled back", "web", model.PhaseSucceeded, "")
		if op := s.report("web").Operation; !op.Request.Rollback || op.Revision != "c1" {
			t.Errorf("operation %+v", op)
		}
		s.again(app)
		if op := s.report("web").Operation; !op.Request.Rollback || op.Revision != "c1" {
			t.Errorf("after a restart: operation %+v", op)
		}
		app.Spec = model.Digest{2}
		s.sources.objects["c2"] = []model.Object{asking("good=1")}
		s.put(app)
		if op := s.report("web").Operation; op.Spec != app.Spec && op.Request.GaveUp != "c2" {
			t.Errorf("after a repair: operation %+v", op)
		}
		if n := len(s.history.all); n < 4 {
			t.Errorf("the repaired declaration was not tried: %d are kept", n)
		}
	})
}

// TestRollbackSurvivesFailures: a rollback that can't be begun now is begun later.
func TestRollbackSurvivesFailures(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(guarded())
		s.target.fail("list", errPassing)
		s.target.fail("apply bad", errLasting)
		failing := false
		s.status.during = func(r model.Report) {
			if op := r.Operation; op != nil && op.Revision == "c2" && op.Phase == model.PhaseRunning && !failing {
				failing = true
				s.target.fail("list", errPassing)
			}
		}
		s.target.fail("list", nil)
		s.release("c2", "bad=1")
		s.after(time.Minute)
		s.target.fail("list", nil)
		s.after(time.Minute)
		if op := s.report("web").Operation; !op.Request.Rollback || op.Phase != model.PhaseSucceeded {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestRollbackWithoutHistory: where what is to be gone back to can't be read,
// nothing else is synced in its place.
func TestRollbackWithoutHistory(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(guarded())
		s.history.errs = 2
		s.release("c2", "bad=1")
		s.after(time.Hour)
		op := s.report("web").Operation
		if !op.Request.Rollback || op.Revision != "c1" || op.Phase != model.PhaseSucceeded {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestRollbackIsSuperseded: a newer commit counts more than a return to an older one
// that does not come to its end.
func TestRollbackIsSuperseded(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "slow=1", "b=1 wave=1")
		s.put(guarded())
		s.hooks.ends(configMap("slow"), model.Healthy)
		s.release("c2", "bad=1", "slow=2", "b=1 wave=1")
		if op := s.report("web").Operation; !op.Request.Rollback || op.Phase != model.PhaseRunning {
			t.Errorf("operation %+v", op)
			return
		}
		s.release("c3", "b=3")
		if op := s.report("web").Operation; op.Revision != "c3" || op.Phase != model.PhaseSucceeded {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestGivenUpByHand: what somebody syncs by hand is not given up any more.
func TestGivenUpByHand(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(guarded())
		s.release("c2", "bad=1")
		s.ask("1", nil)
		s.phase("by hand", "web", model.PhaseSucceeded, "")
		s.target.requests()
		s.target.change(configMap("bad"), drifts)
		synctest.Wait()
		s.wrote("drift is repaired", "apply bad")
	})
}

// TestDryRunIsNoAttempt: a dry run neither counts as a sync of what is declared, nor
// keeps one from being done.
func TestDryRunIsNoAttempt(t *testing.T) {
	for name, fail := range map[string]bool{"succeeds": false, "fails": true} {
		t.Run(name, func(t *testing.T) {
			inStages(t, func(s *staged) {
				app := byHand("web")
				s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
				s.put(app)
				s.ask("1", func(r *model.Request) { r.DryRun = true })
				if r := s.report("web"); r.Applied != "" {
					t.Errorf("applied %q", r.Applied)
				}
				app.Sync.Auto, app.Sync.SelfHeal = true, !fail
				s.put(app)
				s.hooks.ends(job("hook"), model.Healthy)
				s.wrote("automated now", "apply a", "apply hook", "release hook")
			})
		})
	}
}

// TestDryRunKeepsHealing: drift is repaired after a dry run as before it, without hooks.
func TestDryRunKeepsHealing(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(automated("web"))
		s.hooks.ends(job("hook"), model.Healthy)
		s.ask("1", func(r *model.Request) { r.DryRun = true })
		s.target.requests()
		s.target.change(configMap("a"), drifts)
		synctest.Wait()
		s.wrote("drift", "apply a")
	})
}

// TestTerminatedIsOver: a sync that somebody has ended is not begun once more with
// newer content.
func TestTerminatedIsOver(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(byHand("web"))
		s.ask("1", nil)
		s.release("c2", "a=2", "Job/hook=1 hook=PreSync")
		s.phase("superseded", "web", model.PhaseRunning, "superseded")
		s.terminate()
		synctest.Wait()
		s.after(time.Minute)
		s.phase("terminated", "web", model.PhaseFailed, "terminated")
		if op := s.report("web").Operation; op.Revision != "c1" {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestReverted: a sync that goes on after all, since what superseded it is gone, is
// not repeated.
func TestReverted(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(byHand("web"))
		s.ask("1", nil)
		s.release("c2", "a=2", "Job/hook=1 hook=PreSync")
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.hooks.ends(job("hook"), model.Healthy)
		s.after(time.Minute)
		s.wrote("the sync went on", "apply a", "apply hook", "release hook")
		s.phase("the sync went on", "web", model.PhaseSucceeded, "")
	})
}

// TestReportsStay: what was reported does not change afterwards, since others read it.
func TestReportsStay(t *testing.T) {
	inStages(t, func(s *staged) {
		var then []model.Operation
		var told []*model.Operation
		s.status.during = func(r model.Report) {
			if r.Operation != nil {
				told, then = append(told, r.Operation), append(then, *r.Operation)
			}
		}
		s.release("c1", "a=1", "slow=1 wave=1", "Job/hook=1 hook=PostSync")
		s.put(automated("web"))
		s.hooks.ends(configMap("slow"), model.Healthy)
		s.hooks.ends(job("hook"), model.Healthy)
		for i := range told {
			if now := *told[i]; fmt.Sprint(now) != fmt.Sprint(then[i]) {
				t.Errorf("report %d: operation was %+v and is %+v", i, then[i], now)
			}
		}
	})
}

// TestTerminateWhileWriting: an operation can be ended in the middle of its first act.
func TestTerminateWhileWriting(t *testing.T) {
	inStages(t, func(s *staged) {
		begun, wait := false, make(chan struct{})
		s.target.during = func(ctx context.Context, what string) error {
			if what != "apply a" {
				return nil
			}
			begun = true
			select {
			case <-ctx.Done():
				return model.As(model.ErrTransient, context.Cause(ctx))
			case <-wait:
				return nil
			}
		}
		s.release("c1", "a=1", "b=1 wave=1")
		s.put(byHand("web"))
		s.ask("1", nil)
		if !begun {
			t.Error("nothing is written")
		}
		s.terminate()
		synctest.Wait()
		s.phase("terminated", "web", model.PhaseFailed, "terminated")
		close(wait)
		synctest.Wait()
		s.wrote("terminated")
	})
}

// TestTerminateWithoutSource: an operation that can't go on can be ended all the same.
func TestTerminateWithoutSource(t *testing.T) {
	for name, how := range map[string]func(*staged, *model.App){
		"no source":    func(s *staged, _ *model.App) { s.sources.state = model.SourceState{Err: errLasting} },
		"wrong spec":   func(_ *staged, app *model.App) { app.Invalid = errLasting },
		"no content":   func(s *staged, _ *model.App) { s.sources.known = false },
		"no rendering": func(s *staged, _ *model.App) { s.sources.errs["c1"] = errLasting },
	} {
		t.Run(name, func(t *testing.T) {
			inStages(t, func(s *staged) {
				app := byHand("web")
				s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
				s.put(app)
				s.ask("1", nil)
				s.wrote("a hook runs", "apply hook")
				how(s, &app)
				s.again(app)
				s.terminate()
				synctest.Wait()
				s.after(time.Minute)
				s.phase("terminated", "web", model.PhaseFailed, "terminated")
				if got := s.hooks.exist(); len(got) > 0 {
					t.Errorf("left are %q", got)
				}
			})
		})
	}
}

// TestRenamedHookEnds: a hook that is really running is let finish also where the
// newer content has it no more.
func TestRenamedHookEnds(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1", "Job/migrate1=1 hook=PreSync")
		s.put(automated("web"))
		s.wrote("a migration runs", "apply migrate1")
		s.release("c2", "a=2", "Job/migrate2=1 hook=PreSync")
		s.wrote("it is let finish")
		s.hooks.ends(job("migrate1"), model.Healthy)
		s.hooks.ends(job("migrate2"), model.Healthy)
		s.phase("both have run", "web", model.PhaseSucceeded, "")
		s.wrote("both have run", "apply a", "apply migrate2", "release migrate1", "release migrate2")
	})
}

// TestGeneratedHookOfUnknownKind: a hook without a name whose kind is not served yet
// keeps nothing from being compared, and the app goes on when it is.
func TestGeneratedHookOfUnknownKind(t *testing.T) {
	inStages(t, func(s *staged) {
		s.target.serve("Job", false)
		s.release("c1", "a=1", "Job/hook=1 hook=PostSync generate=hook-")
		s.put(automated("web"))
		s.wrote("the kind is not served", "apply a")
		s.target.serve("Job", true)
		s.engine.KindsChanged("")
		synctest.Wait()
		s.after(time.Minute)
		if got := s.target.requests(); len(got) != 1 || !strings.HasPrefix(got[0], "apply hook-") {
			t.Errorf("the kind is served: requests %q", got)
		}
	})
}

// TestReleaseFails: that a hook can't be let go of does not hide how the app is.
func TestReleaseFails(t *testing.T) {
	inStages(t, func(s *staged) {
		s.target.fail("release hook", errLasting)
		s.release("c1", "a=1", "Job/hook=1 hook=PostSync")
		s.put(automated("web"))
		s.hooks.ends(job("hook"), model.Healthy)
		s.engine.Wake(appKey("web"))
		synctest.Wait()
		if r := s.report("web"); r.Sync != model.Synced || r.Err == nil || len(r.Resources) == 0 {
			t.Errorf("report %+v", r)
		}
	})
}

// TestMoveLetsHooksGo: an app that moves to another cluster leaves no hook behind that
// nobody can delete.
func TestMoveLetsHooksGo(t *testing.T) {
	inStages(t, func(s *staged) {
		s.second.exists("Namespace", "", "web")
		app := automated("web")
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(app)
		s.wrote("a hook runs", "apply hook")
		app.Target, app.Spec = "second", model.Digest{2}
		s.put(app)
		for key, l := range maps.Clone(s.target.live) {
			if l.Held {
				t.Errorf("%s is held", key)
			}
		}
	})
}

// TestWithdrawn: a request whose content nobody fetches any more does not keep its
// app from going on.
func TestWithdrawn(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(byHand("web"))
		s.feed.gone = "pin"
		s.ask("1", func(r *model.Request) {
			r.Pin = &model.Pin{Revision: "c0", Sources: []model.AppSource{{Key: "pin"}}}
		})
		s.engine.Wake(appKey("web"))
		synctest.Wait()
		s.phase("its content is gone", "web", model.PhaseError, "c0")
	})
}

// TestPermission: permission is asked for what is going to be written, as it will be.
func TestPermission(t *testing.T) {
	inStages(t, func(s *staged) {
		var asked []string
		d := s.engine.cfg.Dialects["argo"]
		d.Permit = func(_ model.App, refs []model.ObjectRef) error {
			asked = nil
			for _, ref := range refs {
				asked = append(asked, ref.Kind+"/"+ref.Namespace)
			}
			return nil
		}
		s.engine.cfg.Dialects["argo"] = d
		s.release("c1", "a=1", "Job/hook=1 hook=PostSync generate=hook-")
		s.put(byHand("web"))
		s.ask("1", nil)
		if want := []string{"ConfigMap/web", "Job/web"}; !slices.Equal(asked, want) {
			t.Errorf("asked for %q, want %q: %+v", asked, want, s.report("web").Err)
		}
	})
}

// TestAnotherRequestCountsMore: what somebody asks for is done, also where a sync of
// something else was to be repeated.
func TestAnotherRequestCountsMore(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(byHand("web"))
		s.ask("1", nil)
		s.release("c2", "a=2")
		s.ask("2", nil)
		s.target.fail("apply a", errLasting)
		s.ask("3", func(r *model.Request) {
			r.Pin, r.Retry = &model.Pin{Revision: "c1", Spec: model.Digest{1}}, model.Retry{Limit: 5, Base: time.Hour, Factor: 1}
		})
		s.phase("it will be repeated", "web", model.PhaseFailed, "not valid")
		s.target.fail("apply a", nil)
		s.ask("4", nil)
		s.phase("another request", "web", model.PhaseSucceeded, "")
		if op := s.report("web").Operation; op.Revision != "c2" || op.Request.ID != "4" {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestRollbackNeedsNoEvent: an operation's bad end is followed by a rollback though
// nothing else happens.
func TestRollbackNeedsNoEvent(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		s.put(guarded())
		s.target.fail("apply a", errLasting)
		s.release("c2", "a=2")
		s.target.fail("apply a", nil)
		if op := s.report("web").Operation; !op.Request.Rollback {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestDeletionTakesHooks: what is left of hooks goes with the app, also one that no
// controller has let go of.
func TestDeletionTakesHooks(t *testing.T) {
	inStages(t, func(s *staged) {
		app := automated("web")
		s.release("c1", "a=1", "Job/before=1 hook=PreSync", "Job/after=1 hook=PostSync")
		s.put(app)
		s.hooks.ends(job("before"), model.Healthy)
		s.status.late = true
		s.hooks.ends(job("after"), model.Healthy)
		s.wrote("synced", "apply a", "apply after", "apply before")
		app.Deleting, app.Deletion, app.Since = true, "Background", time.Now()
		s.put(app)
		if got := s.hooks.exist(); len(got) > 0 || !s.report("web").Deleted {
			t.Errorf("left are %q, report %+v", got, s.report("web"))
		}
	})
}

// TestPassingFailuresKeepHooks: a sync that is repeated for causes that pass does not
// run again the hooks that have done their work.
func TestPassingFailuresKeepHooks(t *testing.T) {
	inStages(t, func(s *staged) {
		s.target.fail("apply a", errPassing)
		s.release("c1", "a=1", "Job/before=1 hook=PreSync", "Job/after=1 hook=PostSync")
		s.put(automated("web"))
		s.hooks.ends(job("before"), model.Healthy)
		s.after(10 * time.Minute)
		s.target.fail("apply a", nil)
		s.after(time.Minute)
		s.hooks.ends(job("after"), model.Healthy)
		s.phase("at last", "web", model.PhaseSucceeded, "")
		var hooks []string
		for _, did := range s.target.requests() {
			if did != "apply a" {
				hooks = append(hooks, did)
			}
		}
		if want := []string{"apply after", "apply before", "release after", "release before"}; !slices.Equal(hooks, want) {
			t.Errorf("hooks %q, want %q", hooks, want)
		}
	})
}

// TestTimeoutStopsHooks: a hook that takes too long is stopped, and runs again with the
// next attempt.
func TestTimeoutStopsHooks(t *testing.T) {
	inStages(t, func(s *staged) {
		app := automated("web")
		app.Sync.Timeout, app.Sync.Retry = time.Minute, model.Retry{Limit: 1, Base: 2 * time.Minute, Factor: 1}
		s.release("c1", "a=1", "Job/hook=1 hook=PreSync")
		s.put(app)
		s.after(61 * time.Second)
		s.phase("too long", "web", model.PhaseFailed, "timeout after 1m0s")
		s.wrote("too long", "apply hook", "delete hook", "release hook")
		s.after(2 * time.Minute)
		s.wrote("once more", "apply hook")
		s.after(time.Hour)
		s.phase("for good", "web", model.PhaseFailed, "timeout after 1m0s")
		s.wrote("for good", "delete hook", "release hook")
	})
}

// TestOtherVersionIsDeclared: an object of a version that is not served any more is
// still declared, so that the live one, of another version, is not pruned.
func TestOtherVersionIsDeclared(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1", "Job/x=1")
		s.put(automated("web"))
		s.hooks.unserved = "v1"
		s.target.serve("Job", true) // the kinds have changed
		s.release("c2", "a=1", "Job/x=1 more=1")
		for _, step := range s.report("web").Resources {
			if step.Prune {
				t.Errorf("%s would be pruned", step.Object)
			}
		}
	})
}

// TestUnreadableEnds: a sync ends with an error where an object can't be read of which
// something is to be left as it is.
func TestUnreadableEnds(t *testing.T) {
	inStages(t, func(s *staged) {
		app := byHand("web")
		s.release("c1", "a=1")
		s.put(app)
		s.ask("1", nil)
		app.Compare.Respect = true
		app.Compare.Ignore = []model.IgnoredFields{{Kind: "ConfigMap", Pointers: []string{"/data/x"}}}
		s.put(app)
		s.target.fail("read a", model.As(model.ErrDenied, errors.New("forbidden")))
		s.release("c2", "a=2")
		s.ask("2", nil)
		s.phase("it can't be read", "web", model.PhaseError, "forbidden")
	})
}

// TestErrorsDontSpin: an error that ends each sync of an app that is rolled back ends
// one for each event.
func TestErrorsDontSpin(t *testing.T) {
	inStages(t, func(s *staged) {
		app := guarded()
		s.release("c1", "a=1")
		s.put(app)
		app.Compare.Respect = true
		app.Compare.Ignore = []model.IgnoredFields{{Kind: "ConfigMap", Pointers: []string{"/data/x"}}}
		s.put(app)
		s.target.fail("read a", model.As(model.ErrDenied, errors.New("forbidden")))
		before := len(s.reports.since(0))
		s.release("c2", "a=2")
		s.phase("it can't be read", "web", model.PhaseError, "forbidden")
		if n := len(s.reports.since(before)); n > 6 {
			t.Errorf("%d reports", n)
		}
	})
}

// TestRollbackIsTheAppsOwn: what an earlier app of the same name ran is nothing to go back to.
func TestRollbackIsTheAppsOwn(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		app := guarded()
		s.put(app)
		s.after(time.Hour)
		s.target.fail("apply a", errLasting)
		app.Created = time.Now()
		s.put(app)
		s.release("c2", "a=2")
		if op := s.report("web").Operation; op.Phase != model.PhaseFailed || op.Request.Rollback {
			t.Errorf("operation %+v", op)
		}
	})
}

// TestRollbackStaysWhereItIs: what an app ran in another cluster is nothing to go
// back to in the present one.
func TestRollbackStaysWhereItIs(t *testing.T) {
	inStages(t, func(s *staged) {
		s.release("c1", "a=1")
		app := guarded()
		s.put(app)
		s.second.fail("apply a", errLasting)
		app.Target, app.Spec = "second", model.Digest{2}
		s.put(app)
		if op := s.report("web").Operation; op.Phase != model.PhaseFailed || op.Request.Rollback {
			t.Errorf("operation %+v", op)
		}
	})
}
