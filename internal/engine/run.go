package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// errPending ends a reconcile that can't go on yet: an event will come.
var errPending = errors.New("pending")

// run is one reconcile of one app.
type run struct {
	e       *Engine
	s       *state
	app     model.App
	version int
	request *model.Request
	now     time.Time
	next    time.Duration
	silent  bool // nothing to report

	// pin is what an operation is to sync instead of what the app declares; pinned is
	// one whose content can't be had, for pinErr.
	pin, pinned *model.Pin
	pinErr      error
	// overtaken is the newer revision that counts more than a rollback under way.
	overtaken string
	// unjudged are objects that could not be compared, and why.
	unjudged map[model.ObjectKey]string
	// fighting are objects that are not repaired yet, since they have been often.
	fighting []model.ObjectRef

	// asks is what the request in question says of its sync: app is then declared with
	// that.
	asks     model.Options
	declared model.App
	target   Target
	desired  *desired
	input    decide.Input
	// liveHooks are the live hooks of the app.
	liveHooks map[model.ObjectKey]model.Live
	plan      model.Plan
	report    model.Report
}

func newRun(e *Engine, s *state) *run {
	r := &run{e: e, s: s, now: time.Now()}
	r.declared, r.version, r.request = s.take()
	r.obey(r.asked())
	r.report = model.Report{
		App: r.app.Key, Generation: r.app.Generation, Sync: model.SyncUnknown,
		Warnings: slices.Clone(r.app.Warnings), Operation: s.op, Applied: s.applied,
	}
	return r
}

// stages goes through them in order; the first that can't go on ends the
// reconcile. An error of the content is not such a one where an earlier
// content can be kept up.
func (r *run) stages(ctx context.Context) {
	acted := false
	steps := []struct {
		stage model.Stage
		do    func(context.Context) error
	}{
		{model.StageSpec, r.check},
		{model.StageTarget, r.connect},
		{model.StageDelete, r.teardown},
		{model.StageSource, r.resolve},
		{model.StageTarget, r.observe},
		{model.StageApply, r.decide},
		{model.StageDependency, r.depend},
		{model.StageApply, r.act},
		{model.StageHealth, r.judge},
	}
	for _, step := range steps {
		if err := step.do(ctx); err != nil {
			r.fail(step.stage, err)
			if !acted {
				r.abandon(ctx)
			}
			r.reject()
			return
		}
		acted = acted || step.stage == model.StageDependency
	}
}

// reject ends a request that can't be begun, since there is nothing that could be
// applied: whoever asked must hear of it.
func (r *run) reject() {
	req, err := r.request, r.report.Err
	if req == nil || req.ID == r.s.handled || err == nil || errors.Is(err, model.ErrTransient) {
		return
	}
	_ = r.end(r.begin(*req), model.PhaseError, err.Error(), err) // the report has the error
}

// fail notes why the reconcile ended. The first error counts.
func (r *run) fail(stage model.Stage, err error) {
	var staged *stageError
	switch {
	case errors.Is(err, errPending):
		r.silent = r.report.Err == nil
	case err == nil, errors.Is(err, errDone):
	case r.report.Err != nil:
	case errors.As(err, &staged):
		r.report.Stage, r.report.Err = staged.stage, staged.err
	default:
		r.report.Stage, r.report.Err = stage, err
	}
}

// errDone ends a reconcile that has nothing more to do.
var errDone = errors.New("done")

// stageError is an error of another stage than the one that returns it.
type stageError struct {
	stage model.Stage
	err   error
}

func (e *stageError) Error() string { return e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

// again asks to come back after d at the latest.
func (r *run) again(d time.Duration) {
	if r.next == 0 || d < r.next {
		r.next = d
	}
}

// backoff is the pause after n transient failures in a row.
func backoff(n int) time.Duration {
	return min(30*time.Second, 500*time.Millisecond<<min(n, 6))
}

// elsewhere is the pause before something is tried again that nobody watches.
const elsewhere = 3 * time.Minute

// finish reports and says when to come back.
func (r *run) finish(ctx context.Context) (model.Report, time.Duration) {
	// A source is looked at by itself, and its recovery is an event.
	if errors.Is(r.report.Err, model.ErrTransient) && r.report.Stage != model.StageSource {
		r.again(backoff(r.s.failures))
		r.s.failures++
	} else if !r.silent {
		r.s.failures = 0
	}
	if errors.Is(r.report.Err, model.ErrElsewhere) {
		r.again(elsewhere)
	}
	if ctx.Err() != nil || r.silent || r.e.app(r.app.Key) != r.s {
		return r.report, r.next
	}
	r.send(ctx)
	return r.report, r.next
}

// send reports, and wakes who waits for this app.
func (r *run) send(ctx context.Context) {
	before, had := r.s.reported()
	r.s.setReport(r.report)
	if r.desired != nil {
		r.s.want(r.desired.byKey)
	}
	if err := r.report.Err; err != nil && !r.isTold() && (before.Err == nil || before.Err.Error() != err.Error()) {
		r.e.cfg.Log.Warn("app is in trouble", "app", r.app.Key, "stage", r.report.Stage, "revision", r.commit(), "err", err)
	}
	if d, ok := r.e.cfg.Dialects[r.app.Key.Dialect]; ok {
		d.Reporter.Report(ctx, r.report)
	}
	if !had || before.Ready != r.report.Ready || before.Applied != r.report.Applied || before.Generation != r.report.Generation {
		r.e.wakeDependents(r.app.Key)
	}
}

// isTold reports whether the log knows of the report's error already, or it is none:
// a sync that has failed, or a deletion that goes on.
func (r *run) isTold() bool {
	switch r.report.Stage {
	case model.StageApply, model.StagePrune:
		return r.report.Operation != nil && failed(r.report.Operation)
	case model.StageDelete:
		return len(r.report.Blocking) == 0
	}
	return false
}

func (e *Engine) wakeDependents(key model.AppKey) {
	e.mu.Lock()
	waiting := slices.Collect(maps.Keys(e.dependents[key]))
	e.mu.Unlock()
	for _, k := range waiting {
		e.Wake(k)
	}
}

// check stops at an app that can't be worked on.
func (r *run) check(context.Context) error {
	if r.app.Deleting {
		return nil
	}
	if r.app.Invalid != nil {
		return r.app.Invalid
	}
	if r.app.Suspended {
		r.silent = true
		return errDone
	}
	return nil
}

// connect finds the target.
func (r *run) connect(ctx context.Context) error {
	t, err := r.e.cfg.Target(r.app.Target)
	if err != nil && r.app.Deleting && errors.Is(err, model.ErrNotFound) {
		// The cluster is gone, and with it the objects.
		r.report.Deleted = true
		return errDone
	}
	if err != nil {
		return err
	}
	r.target = discreet{t, r.app}
	r.move(ctx)
	return r.load()
}

// move gives up what is of another target than the app's present one. The
// objects there stay, but for hooks that are running.
func (r *run) move(ctx context.Context) {
	if r.s.connected == r.app.Target {
		return
	}
	if old, err := r.e.cfg.Target(r.s.connected); err == nil {
		if err := letGoOf(ctx, old, old.Owned(r.app.Key, r.app.Manager)); err != nil {
			r.e.cfg.Log.Error("letting go of the hooks at the target before", "app", r.app.Key, "target", r.s.connected, "err", err)
		}
		old.Claim(r.app.Key, nil, nil)
	}
	r.s.connected, r.s.desired, r.s.good = r.app.Target, nil, nil
}

// load fetches what is remembered, once.
func (r *run) load() error {
	if r.s.loaded {
		return nil
	}
	pairs, kinds, err := r.e.cfg.Ledger.Load(r.app.Key)
	if err != nil {
		r.e.cfg.Log.Error("reading the ledger: every object is compared anew", "app", r.app.Key, "err", err)
		pairs = map[model.ObjectKey]model.Pair{}
	}
	r.s.pairs, r.s.kinds, r.s.loaded = pairs, kinds, true
	return nil
}

// depend waits for other apps.
func (r *run) depend(context.Context) error {
	for _, key := range r.app.DependsOn {
		dep := r.e.app(key)
		if dep == nil {
			return model.As(model.ErrNotFound, fmt.Errorf("dependency %s/%s not found", key.Namespace, key.Name))
		}
		report, ok := dep.reported()
		if !ok || !report.Ready || report.Generation != dep.spec().Generation {
			return fmt.Errorf("dependency %s/%s is not ready", key.Namespace, key.Name)
		}
		same := slices.Equal(sourceKeys(dep.spec().Sources), sourceKeys(r.app.Sources))
		if same && report.Applied != r.commit() {
			return fmt.Errorf("dependency %s/%s has not applied revision %.12s yet", key.Namespace, key.Name, r.commit())
		}
	}
	return nil
}
