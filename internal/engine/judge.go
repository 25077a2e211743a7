package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// judge fills in how the app is now.
func (r *run) judge(ctx context.Context) error {
	r.report.Resources = r.resources()
	r.report.Sync = syncOf(r.report.Resources)
	r.report.Hooks = r.desired.deletionHooks()
	r.fights(ctx)
	r.report.Health = r.health(r.report.Resources)
	r.report.Warnings = append(r.report.Warnings, r.shared()...)
	op := r.s.real
	// What stays although it is no longer declared is OutOfSync, yet nothing is
	// left to do: the commit has been applied.
	settled := !r.plan.Changes() && (op == nil || !r.sameAttempt(op) || op.Phase == model.PhaseSucceeded)
	// Drift that nobody is asked to repair leaves the commit applied.
	settled = settled || r.app.Sync.Auto && !r.app.Sync.SelfHeal && op != nil && r.sameAttempt(op) && op.Phase == model.PhaseSucceeded
	if settled {
		r.s.applied = r.commit()
	}
	r.report.Applied, r.report.Operation = r.s.applied, r.s.op
	r.provenHealthy()
	r.warnOfRollback()
	if r.report.Err == nil {
		r.fail(model.StageApply, r.standing())
	}
	// A source that can't be reached leaves what was applied as good as it was.
	if (r.report.Err != nil && r.report.Stage != model.StageSource) || !settled {
		return nil
	}
	if !r.app.Health.Waits() {
		r.report.Ready = true
		return nil
	}
	return r.await()
}

// standing is why the last sync of what is desired failed, as long as it has
// not been repeated and something is left to do.
func (r *run) standing() error {
	op := r.s.real
	if op == nil || !failed(op) || !r.sameAttempt(op) || !r.plan.Changes() {
		return nil
	}
	if failed := failures(op.Results); len(failed) > 0 {
		return failureOf(failed, op.Message)
	}
	if err := r.refusal(op.Request); err != nil {
		return err
	}
	return errors.New(op.Message)
}

// await holds back Ready until the objects that are waited for are healthy.
func (r *run) await() error {
	var degraded []string
	for _, ref := range r.awaited() {
		h, exists := r.healthOf(ref.ObjectKey)
		if !exists {
			h = model.Health{Status: model.Missing, Message: "does not exist"}
		}
		if h.Status == "" || h.Status == model.Healthy {
			continue
		}
		text := fmt.Sprintf("%s: %s", ref.ObjectKey, strings.TrimSuffix(string(h.Status)+", "+h.Message, ", "))
		r.report.Unready = append(r.report.Unready, text)
		if h.Status == model.Degraded {
			degraded = append(degraded, text)
		}
	}
	switch {
	case len(r.report.Unready) == 0:
		r.s.waitingSince = time.Time{}
		r.report.Ready = true
		return nil
	case len(degraded) > 0:
		return fmt.Errorf("health check failed: %s", strings.Join(degraded, "; "))
	}
	return r.deadline()
}

// deadline fails a health wait that takes longer than the app allows.
func (r *run) deadline() error {
	if r.s.waitingSince.IsZero() || r.s.waitingFor != r.commit() {
		r.s.waitingSince, r.s.waitingFor = r.now, r.commit()
	}
	if r.app.Sync.Timeout <= 0 {
		return nil
	}
	left := r.s.waitingSince.Add(r.app.Sync.Timeout).Sub(r.now)
	if left <= 0 {
		return fmt.Errorf("timeout after %s waiting for: %s", r.app.Sync.Timeout, strings.Join(r.report.Unready, "; "))
	}
	r.again(left)
	return nil
}

func (r *run) awaited() []model.ObjectRef {
	if !r.app.Health.All {
		return r.app.Health.Only
	}
	var out []model.ObjectRef
	for _, d := range r.desired.objects {
		if !d.Implicit {
			out = append(out, d.ObjectRef)
		}
	}
	return out
}

func (r *run) healthOf(key model.ObjectKey) (model.Health, bool) {
	live, ok := r.target.Live(key, r.app.Key, r.app.Manager)
	return live.Health, ok
}

// resources lists the app's objects as the plan sees them, by key.
func (r *run) resources() []model.ResourceState {
	out := make([]model.ResourceState, 0, len(r.plan.Steps))
	failed := map[model.ObjectKey]string{}
	if op := r.s.op; op != nil && r.sameAttempt(op) {
		for _, res := range op.Results {
			if res.Err != nil {
				failed[res.Object.ObjectKey] = res.Err.Error()
			}
		}
	}
	implicit := map[model.ObjectKey]bool{}
	for _, d := range r.input.Desired {
		implicit[d.ObjectKey] = d.Implicit
	}
	goes := r.goesAlong()
	for _, s := range r.plan.Steps {
		if implicit[s.Object.ObjectKey] {
			continue
		}
		st := r.resource(s, failed[s.Object.ObjectKey])
		st.Stays = !goes[s.Object.ObjectKey]
		out = append(out, st)
	}
	hooks := r.ownedHooks()
	for _, key := range sortedKeys(hooks) {
		l := hooks[key]
		out = append(out, model.ResourceState{Object: l.Ref, Health: l.Health, Live: true, Hook: true, Wave: int(l.Traits.Wave), Stays: r.keeps(l)})
	}
	slices.SortFunc(out, func(a, b model.ResourceState) int { return a.Object.Compare(b.Object.ObjectKey) })
	return out
}

// goesAlong are the objects that a deletion of the app takes along: those that bear its
// mark, are no other app's as well, and don't ask to be kept.
func (r *run) goesAlong() map[model.ObjectKey]bool {
	out := make(map[model.ObjectKey]bool, len(r.input.Owned))
	for _, l := range r.input.Owned {
		key := l.Ref.ObjectKey
		other := slices.ContainsFunc(r.input.Claims[key], func(a model.AppKey) bool { return a != r.app.Key })
		out[key] = !other && !r.keeps(l)
	}
	return out
}

// keeps reports whether a live object asks to be left when its app is deleted.
func (r *run) keeps(l model.Live) bool {
	return l.Traits.Skip || l.Traits.Over(r.input.Rules.Defaults).Delete == model.ConsentNo
}

func (r *run) resource(s model.Step, failure string) model.ResourceState {
	declared := r.declares(s.Object.ObjectKey)
	health, live := r.healthOf(s.Object.ObjectKey)
	st := model.ResourceState{
		Object: s.Object, Sync: model.OutOfSync, Health: health, Live: live, Prune: !declared, Message: s.Reason, Wave: s.Wave,
		Extraneous: !declared && s.Traits.IgnoreExtraneous, Foreign: declared && r.foreign(s.Object.ObjectKey),
		Confirm: !declared && s.Traits.Prune == model.ConsentConfirm || r.app.Deleting && s.Traits.Delete == model.ConsentConfirm,
	}
	switch {
	case s.Action == model.ActionKeep:
		st.Sync, st.Message = model.Synced, ""
	case failure != "":
		st.Message = failure
	}
	switch {
	case !live:
		st.Health = model.Health{Status: model.Missing}
	case s.Traits.IgnoreHealth:
		st.Health = model.Health{}
	}
	return st
}

// foreign reports whether an object belongs to another app, which declares it too.
func (r *run) foreign(key model.ObjectKey) bool {
	owner := r.input.Live[key].Owner
	return !owner.IsZero() && owner != r.app.Key && slices.Contains(r.input.Claims[key], owner)
}

// declares reports whether an object is declared.
func (r *run) declares(key model.ObjectKey) bool {
	if r.desired == nil {
		return false
	}
	_, ok := r.desired.byKey[key]
	return ok
}

// syncOf is Synced if every object is.
func syncOf(resources []model.ResourceState) model.SyncStatus {
	for _, s := range resources {
		if s.Sync != model.Synced && !s.Hook && !s.Extraneous {
			return model.OutOfSync
		}
	}
	return model.Synced
}

// health is the worst of the app's objects, with the first that is so.
func (r *run) health(resources []model.ResourceState) model.Health {
	objects := make([]model.Health, 0, len(resources))
	for _, s := range resources {
		if !s.Hook {
			objects = append(objects, s.Health)
		}
	}
	app := health.Aggregate(objects...)
	if app.Status == model.Healthy || app.Status == model.Missing {
		return app
	}
	for _, s := range resources {
		if s.Health.Status == app.Status {
			app.Message = fmt.Sprintf("%s: %s", s.Object.ObjectKey, s.Health.Message)
			break
		}
	}
	return app
}

// taken says which object is another app's that declares it too; "" if none is.
func (r *run) taken() string {
	for _, d := range r.input.Desired {
		owner := r.input.Live[d.ObjectKey].Owner
		if !d.Implicit && owner != r.app.Key && slices.Contains(r.input.Claims[d.ObjectKey], owner) {
			return fmt.Sprintf("%s is of app %s, which declares it too: remove it from one of the two", d.ObjectKey, owner)
		}
	}
	return ""
}

// shared warns of objects that other apps declare too.
func (r *run) shared() []model.Warning {
	var out []model.Warning
	for _, d := range r.input.Desired {
		if others := r.othersWith(d.ObjectKey); len(others) > 0 && !d.Implicit {
			out = append(out, model.Warning{Type: model.WarnShared, Message: sharedText(d.ObjectKey, others)})
		}
	}
	return out
}

// othersWith are the other apps that declare an object.
func (r *run) othersWith(key model.ObjectKey) (others []string) {
	for _, app := range r.input.Claims[key] {
		if app != r.app.Key {
			others = append(others, app.String())
		}
	}
	return others
}

// sharedText names a few of many. How many there are is not told: each would have to be
// worked on anew whenever another one comes.
func sharedText(key model.ObjectKey, others []string) string {
	if len(others) == 1 {
		return fmt.Sprintf("%s is declared by app %s too: remove it from one of the two", key, others[0])
	}
	named := strings.Join(others[:min(shown, len(others))], ", ")
	if len(others) > shown {
		named += " and others"
	}
	return fmt.Sprintf("%s is declared by apps %s too: remove it from all but one", key, named)
}
