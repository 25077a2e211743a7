package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// act syncs, if there is reason to, and compares again.
func (r *run) act(ctx context.Context) error {
	req, ok := r.due()
	if !ok {
		return nil
	}
	r.plan = r.permitted(req)
	if err := r.refusal(req); err != nil {
		r.fail(model.StageApply, r.conclude(r.begin(req), nil, err))
		return nil
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
	actx := r.s.begin(ctx, r.commit())
	opt, learnt := r.options(req), &lessons{r: r, ctx: actx, before: written(op.Results)}
	if !req.DryRun {
		opt.Wrote = learnt.add
	}
	changes := apply.Act(actx, r.target, r.paced(r.selected(req), op.Results), opt)
	superseded := actx.Err() != nil && ctx.Err() == nil
	r.s.end()
	learnt.flush()
	r.compare()
	if superseded {
		r.e.queue.Add(r.app.Key)
		return errPending
	}
	if err := r.conclude(op, changes.Results, nil); err != nil {
		r.fail(model.StageApply, err) // how the app is now is told all the same
	}
	return nil
}

// permitted is the plan with the deletes that a request asks for and the app's
// rules don't.
func (r *run) permitted(req model.Request) model.Plan {
	if !r.prunes(req) || r.app.Sync.Prune || r.desired.partial {
		return r.plan
	}
	in := r.input
	in.Rules.Prune = true
	return decide.Plan(in)
}

// refusal is why nothing of the request may be done.
func (r *run) refusal(req model.Request) error {
	if err := r.available(req.Revision); err != nil {
		return err
	}
	if req.By != "" && r.report.Stage == model.StageRender && r.report.Err != nil {
		return r.report.Err // what was good before is not what was asked for
	}
	if !r.prunes(req) {
		return nil
	}
	return r.permitted(req).Blocked
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

// announce reports that a sync has begun.
func (r *run) announce(ctx context.Context) {
	report := r.report
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
		Request: req, Phase: model.PhaseRunning, Revision: r.commit(), Spec: r.app.Spec, Started: r.now,
	}
	r.setOp(op)
	if req.ID != "" {
		r.s.handled = req.ID
		r.s.settle(req.ID)
	}
	return op
}

// continuing reports whether the request is the running operation's.
func (r *run) continuing(req model.Request) bool {
	op := r.s.op
	return op != nil && op.Phase == model.PhaseRunning && op.Request.ID == req.ID && r.sameAttempt(op)
}

func (r *run) setOp(op *model.Operation) {
	r.s.op, r.report.Operation = op, op
}

// sameAttempt reports whether the operation was of what is desired now.
func (r *run) sameAttempt(op *model.Operation) bool {
	return op.Revision == r.commit() && op.Spec == r.app.Spec
}

// selected is the plan cut down to what the request asks for.
func (r *run) selected(req model.Request) model.Plan {
	if len(req.Only) == 0 {
		return r.plan
	}
	named := make(map[model.ObjectKey]bool, len(req.Only))
	for _, k := range req.Only {
		named[k] = true
	}
	p := model.Plan{}
	for _, s := range r.plan.Steps {
		anywhere := s.Object.ObjectKey
		anywhere.Namespace = ""
		if named[s.Object.ObjectKey] || named[anywhere] {
			p.Steps = append(p.Steps, s)
		}
	}
	return p
}

func (r *run) options(req model.Request) apply.Options {
	opt := apply.Options{
		Objects: r.desired.byKey, UIDs: map[model.ObjectKey]string{}, Manager: r.app.Manager,
		Deletion: r.app.Deletion, Recreate: r.app.Sync.Recreate, DryRun: req.DryRun, Prune: r.prunes(req),
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
	if req.By == "" {
		return r.app.Sync.Prune || r.app.Deleting
	}
	return req.Prune
}
