package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// act syncs, if there is reason to, and compares again.
func (r *run) act(ctx context.Context) error {
	if op := r.s.op; r.pinErr != nil && op != nil && (op.Phase == model.PhaseRunning || r.repeats(op)) {
		r.fail(model.StageApply, r.end(op, model.PhaseError, r.pinErr.Error(), r.pinErr))
	}
	req, ok := r.due()
	if !ok {
		r.fail(model.StageApply, r.release(ctx, r.s.op))
		return nil
	}
	if err := r.adapt(ctx, req); err != nil {
		return err
	}
	if err := r.repin(ctx, req); err != nil {
		return err
	}
	if err := r.refusal(req); err != nil && (r.pinErr != nil || !r.continuing(req)) {
		r.fail(model.StageApply, r.end(r.begin(req), model.PhaseError, err.Error(), err))
		r.follow(*r.s.op)
		return r.unpin(ctx)
	}
	if err := r.rememberKinds(); err != nil {
		return err
	}
	begins := !r.continuing(req)
	op := r.begin(req)
	if begins {
		r.report.Sync = model.OutOfSync
		r.announce(ctx)
	}
	if err := r.advance(ctx, op); err != nil {
		return err
	}
	if r.s.op.Phase.Done() {
		if err := r.release(ctx, r.s.op); err != nil {
			r.fail(model.StageApply, err)
		}
		r.follow(*r.s.op)
		return r.unpin(ctx)
	}
	return nil
}

// follow sees to what comes after an operation that has just ended.
func (r *run) follow(op model.Operation) {
	cut := op.Superseded != "" && op.Phase != model.PhaseSucceeded && !op.Terminating
	if cut && op.Request.By != "" && !r.sameAttempt(&op) && !r.sameContent(&op) {
		r.s.onceMore = &op.Request
		r.s.hurry("")
	}
	// An end that a rollback may follow, or a rollback that could not begin.
	mayRollBack := r.app.Sync.Rollback && op.Request.Rollback == (op.Phase == model.PhaseError)
	if op.Superseded != "" || mayRollBack {
		r.e.queue.Add(r.app.Key)
	}
}

// permitted is the plan with the deletes that a request asks for and the app's
// rules don't, and without those that it doesn't ask for.
func (r *run) permitted(req model.Request) model.Plan {
	if r.desired.partial {
		return r.plan
	}
	if r.prunes(req) && !r.app.Sync.Prune {
		in := r.input
		in.Rules.Prune = true
		return r.planOf(in)
	}
	if r.prunes(req) || r.plan.Count(model.ActionDelete) == 0 {
		return r.plan
	}
	kept := model.Plan{Steps: slices.Clone(r.plan.Steps)}
	for i, s := range kept.Steps {
		if s.Action == model.ActionDelete {
			kept.Steps[i].Action, kept.Steps[i].Reason = model.ActionLeave, "ignored (no prune)"
		}
	}
	return kept
}

// refusal is why nothing of the request may be done.
func (r *run) refusal(req model.Request) error {
	switch {
	case r.pinErr != nil:
		return fmt.Errorf("revision %s: %w", model.Short(r.pinned.Revision), r.pinErr)
	case req.Pin == nil && r.available(req.Revision) != nil:
		return r.available(req.Revision)
	case req.By != "" && r.report.Stage == model.StageRender && r.report.Err != nil:
		return r.report.Err // what was good before is not what was asked for
	}
	if err := r.denied(req); err != nil {
		return err
	}
	if taken := r.taken(); taken != "" && r.app.Sync.FailOnShared {
		return model.As(model.ErrDenied, fmt.Errorf("FailOnSharedResource=true: %s", taken))
	}
	if !r.prunes(req) {
		return nil
	}
	return r.permitted(req).Blocked
}

// denied asks, before the first write, whether the app may write what it is about
// to: all of it, or nothing is done.
func (r *run) denied(req model.Request) error {
	permit := r.e.cfg.Dialects[r.app.Key.Dialect].Permit
	if permit == nil {
		return nil
	}
	var refs []model.ObjectRef
	for _, s := range r.selected(req).Steps {
		if s.Action != model.ActionKeep && s.Action != model.ActionLeave {
			refs = append(refs, s.Object)
		}
	}
	for _, h := range r.desired.hooks {
		if !req.NoHooks && !req.Heal && len(req.Only) == 0 {
			refs = append(refs, h.ObjectRef)
		}
	}
	if err := permit(r.app, refs); err != nil {
		return model.As(model.ErrDenied, fmt.Errorf("nothing was applied: %w", err))
	}
	return nil
}

// available reports whether a revision that is asked for is the one at hand: it
// may be given by name, and shortened, one for each source or one for the first.
func (r *run) available(revision string) error {
	if revision == "" || revision == "HEAD" {
		return nil
	}
	wanted := strings.Split(revision, ",")
	if len(wanted) > len(r.desired.snapshots) {
		return model.Invalidf("%d revisions are asked for, and the app has %d sources", len(wanted), len(r.desired.snapshots))
	}
	for i, rev := range wanted {
		if s := r.desired.snapshots[i]; rev != "" && rev != s.Ref && !strings.HasPrefix(s.Revision, rev) {
			return model.Invalidf("syncing to %q is not possible: the app follows %q, now at revision %s; "+
				"change its target revision instead", rev, s.Ref, s.Revision)
		}
	}
	return nil
}

// commit is the revision that is worked on.
func (r *run) commit() string {
	if r.desired == nil {
		return ""
	}
	return model.Revision(r.desired.snapshots)
}

// announce reports that a sync has begun, or how far it has come.
func (r *run) announce(ctx context.Context) {
	report, op := r.report, *r.s.op
	report.Operation = &op // the operation goes on, and others read the report
	report.Hooks = r.desired.deletionHooks()
	report.Resources = r.resources()
	report.Health = r.health(report.Resources)
	report.Warnings = slices.Concat(report.Warnings, r.shared())
	if d, ok := r.e.cfg.Dialects[r.app.Key.Dialect]; ok {
		d.Reporter.Report(ctx, report)
	}
}

// begin starts an operation or goes on with the one of the same request.
func (r *run) begin(req model.Request) *model.Operation {
	if r.continuing(req) {
		op := *r.s.op
		op.Phase = model.PhaseRunning
		r.setOp(&op)
		return &op
	}
	op := &model.Operation{
		Request: req, Phase: model.PhaseRunning, Revision: r.commit(), Spec: r.spec(), Started: r.start(),
	}
	if r.pinErr != nil && req.Pin != nil {
		op.Revision, op.Spec = req.Pin.Revision, req.Pin.Spec
	}
	r.setOp(op)
	if r.desired != nil && !req.DryRun {
		r.s.attempted = r.desired.rendered
	}
	if req.By != "" && !req.DryRun && len(req.Only) == 0 {
		r.s.gaveUp = "" // somebody wants it all the same
	}
	if req.GaveUp != "" {
		r.s.gaveUp = req.GaveUpContent
		r.e.cfg.Log.Warn("rolling back", "app", r.app.Key, "from", req.GaveUp, "to", req.Revision, "why", req.Why)
	}
	if req.ID != "" {
		r.s.handled = req.ID
		r.s.settle(req.ID)
	}
	return op
}

// start is when an operation that begins now has begun: later than the one before
// by a second at least, so that their marks differ.
func (r *run) start() time.Time {
	if op := r.s.op; op != nil && op.Started.Unix() >= r.now.Unix() {
		return op.Started.Add(time.Second)
	}
	return r.now
}

// continuing reports whether the request is the running operation's.
func (r *run) continuing(req model.Request) bool {
	op := r.s.op
	return op != nil && op.Phase == model.PhaseRunning && op.Request.ID == req.ID &&
		(r.sameAttempt(op) || r.sameContent(op) || op.Terminating || op.Superseded != "")
}

func (r *run) setOp(op *model.Operation) {
	r.s.op, r.report.Operation = op, op
	if !op.Request.DryRun {
		r.s.real = op
	}
	r.s.show(*op)
}

// sameAttempt reports whether the operation was of what is desired now.
func (r *run) sameAttempt(op *model.Operation) bool {
	return op.Revision == r.commit() && op.Spec == r.spec()
}

// sameContent reports whether the operation was of objects like those that are
// desired now: a commit elsewhere in the repository changes nothing for it. It is
// not known of an operation of an earlier run.
func (r *run) sameContent(op *model.Operation) bool {
	return op.Spec == r.spec() && r.desired != nil && !r.s.attempted.IsZero() && r.s.attempted == r.desired.rendered
}

// hasLooked reports whether the sources have been looked at since a request that
// wants the newest there is.
func (r *run) hasLooked(req model.Request) bool {
	return req.Look == "" || req.Pin != nil || r.looked() == req.Look
}

// selected is the plan cut down to what the request asks for, and to the namespace
// that it may need.
func (r *run) selected(req model.Request) model.Plan {
	plan := r.permitted(req)
	if len(req.Only) == 0 {
		return plan
	}
	named := make(map[model.ObjectKey]bool, len(req.Only))
	for _, k := range req.Only {
		named[k] = true
	}
	p := model.Plan{Blocked: plan.Blocked}
	for _, s := range plan.Steps {
		anywhere := s.Object.ObjectKey
		anywhere.Namespace = ""
		if named[s.Object.ObjectKey] || named[anywhere] || s.Stage < 0 {
			p.Steps = append(p.Steps, s)
		}
	}
	return p
}

func (r *run) options(req model.Request, objects map[model.ObjectKey]model.Object) apply.Options {
	opt := apply.Options{
		Objects: objects, UIDs: map[model.ObjectKey]string{}, Manager: r.app.Manager,
		Deletion: r.app.Deletion, Recreate: r.app.Sync.Recreate, DryRun: req.DryRun, Prune: true, Migrate: r.app.Sync.Migrate,
	}
	for _, s := range r.plan.Steps {
		if live, ok := r.target.Live(s.Object.ObjectKey, r.app.Key, r.app.Manager); ok {
			opt.UIDs[s.Object.ObjectKey] = live.UID
		}
	}
	return opt
}

// prunes reports whether the request deletes what is no longer declared.
func (r *run) prunes(req model.Request) bool {
	if req.By == "" && !req.Rollback {
		return r.app.Sync.Prune || r.app.Deleting
	}
	return req.Prune
}
