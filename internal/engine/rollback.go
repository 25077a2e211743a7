package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// defaultPatience is how long an app that is to be rolled back may take to become
// healthy.
const defaultPatience = 5 * time.Minute

// isWhole reports whether a request is for all that is desired, in earnest.
func isWhole(req model.Request) bool { return !req.DryRun && !req.Heal && len(req.Only) == 0 }

// deployed keeps what a whole sync has applied.
func (r *run) deployed(op *model.Operation) {
	if r.e.cfg.History == nil || !isWhole(op.Request) || r.app.History <= 0 || r.desired.partial || (!r.sameAttempt(op) && !r.sameContent(op)) {
		return
	}
	kept := model.Deployed{
		Revision: op.Revision, Spec: op.Spec, Target: r.app.Target, Namespace: r.app.Namespace, At: op.Finished, Tools: r.desired.tools, Objects: r.desired.declared(),
	}
	for _, s := range r.desired.snapshots {
		bare := *s
		bare.Tree = nil
		kept.Snapshots = append(kept.Snapshots, bare)
	}
	if err := r.e.cfg.History.Keep(r.app.Key, kept, r.app.History); err != nil {
		r.e.cfg.Log.Error("keeping what was deployed: a rollback to it will need its sources", "app", r.app.Key, "revision", op.Revision, "err", err)
		return
	}
	r.s.deployed = attempt{op.Revision, op.Spec}
	r.s.deployedContent = r.desired.rendered
	r.s.deployedHealthy = false
}

// provenHealthy notes, once, that what was deployed was seen healthy.
func (r *run) provenHealthy() {
	now := r.s.deployed
	same := now.spec == r.spec() && r.s.deployedContent == r.desired.rendered
	if r.s.deployedHealthy || now.revision == "" || !same || r.report.Health.Status != model.Healthy || r.e.cfg.History == nil {
		return
	}
	if err := r.e.cfg.History.Healthy(r.app.Key, now.revision, now.spec); err != nil {
		r.e.cfg.Log.Error("noting that a revision is healthy", "app", r.app.Key, "revision", now.revision, "err", err)
		return
	}
	r.s.deployedHealthy = true
}

// rollback is the return to what was healthy last, where the app asks for it and an
// automated sync of what is declared has ended badly.
func (r *run) rollback(op *model.Operation) (model.Request, bool) {
	if !r.app.Sync.Rollback || !r.app.Sync.Auto || r.e.cfg.History == nil || op == nil {
		return model.Request{}, false
	}
	if op.Request.GaveUp != "" && op.Phase == model.PhaseError && r.isGivenUp() {
		wait := op.Finished.Add(elsewhere).Sub(r.now)
		if wait > 0 { // what it goes back to could not be had; nobody watches that
			r.again(wait)
		}
		return op.Request, wait <= 0
	}
	if op.Request.By != "" || op.Request.Rollback || op.Terminating || (!r.sameAttempt(op) && !r.sameContent(op)) || r.isGivenUp() {
		return model.Request{}, false
	}
	if !r.recallDeployed(op) {
		return model.Request{}, false
	}
	why := r.badEnd(op)
	if why == "" {
		return model.Request{}, false
	}
	last, err := r.e.cfg.History.LastHealthy(r.app.Key, op.Revision, op.Spec)
	if errors.Is(err, model.ErrNotFound) {
		return model.Request{}, false // nothing to go back to
	}
	if err != nil {
		r.e.cfg.Log.Error("looking for a revision to roll back to", "app", r.app.Key, "err", err)
		return model.Request{}, false
	}
	if last.Target != r.app.Target || last.Namespace != r.app.Namespace {
		return model.Request{}, false // it ran somewhere else, and its objects belong there
	}
	if last.At.Before(r.app.Created) {
		return model.Request{}, false // an earlier app of this name ran that
	}
	content := r.desired.rendered.String()[:shortDigest]
	return model.Request{
		ID:  fmt.Sprintf("rollback/%s/%d", op.Revision, op.Started.Unix()),
		Pin: &model.Pin{Revision: last.Revision, Spec: last.Spec}, Revision: last.Revision, Rollback: true, Prune: r.app.Sync.Prune,
		GaveUp: op.Revision, GaveUpContent: content, Why: why, Retry: model.Retry{Limit: 3, Base: 5 * time.Second, Factor: 2, Max: time.Minute},
	}, true
}

// recallDeployed recalls, after a restart, whether what was deployed last was seen
// healthy; false if that can't be told now.
func (r *run) recallDeployed(op *model.Operation) bool {
	if r.s.deployed != (attempt{}) || op.Phase != model.PhaseSucceeded {
		return true
	}
	was, err := r.e.cfg.History.Kept(r.app.Key, op.Revision, op.Spec)
	if errors.Is(err, model.ErrNotFound) {
		return true
	}
	if err != nil {
		r.e.cfg.Log.Error("reading what was deployed", "app", r.app.Key, "revision", op.Revision, "err", err)
		return false
	}
	r.s.deployed, r.s.deployedHealthy = attempt{op.Revision, op.Spec}, was.Healthy
	r.s.deployedContent = r.desired.rendered
	return true
}

// badEnd says why an operation counts as failed for good; "" if it does not (yet).
func (r *run) badEnd(op *model.Operation) string {
	switch {
	case op.Phase == model.PhaseFailed && !r.retries(op) && !r.cleared(op):
		return op.Message
	case op.Phase != model.PhaseSucceeded || op.Request.Heal || op.Request.DryRun:
		return ""
	}
	health := r.health(r.resources())
	left := op.Finished.Add(cmp.Or(r.app.Sync.Patience, defaultPatience)).Sub(r.now)
	switch {
	case r.s.deployedHealthy || health.Status == model.Healthy || health.Status == model.Suspended:
		return ""
	case health.Status == model.Degraded:
		return fmt.Sprintf("the app is %s: %s", health.Status, health.Message)
	case left > 0:
		r.again(left)
		return ""
	}
	return fmt.Sprintf("the app has not become healthy: %s: %s", health.Status, health.Message)
}

// warnOfRollback says, as long as it is so, that not what is declared is applied.
func (r *run) warnOfRollback() {
	op := r.s.real
	if op == nil || !op.Request.Rollback || !r.isGivenUp() {
		return
	}
	r.report.Warnings = append(r.report.Warnings, model.Warning{Type: model.WarnRollback, Message: fmt.Sprintf(
		"revision %s was rolled back to %s, since it ended badly: %s; it is not tried again: commit a repair, or sync by hand",
		model.Short(op.Request.GaveUp), model.Short(op.Revision), op.Request.Why)})
}

// shortDigest is how much of a digest tells contents apart for people and status.
const shortDigest = 16

// isGivenUp reports whether what is declared now was rolled back: it is not tried
// again until something else is declared. A commit that changes none of the app's
// objects declares nothing else.
func (r *run) isGivenUp() bool {
	if r.pin != nil || r.desired == nil {
		return false
	}
	return r.givenUp(r.desired.rendered, r.commit())
}

// givenUp reports whether that content, of that revision, was rolled back.
func (r *run) givenUp(content model.Digest, revision string) bool {
	if r.s.gaveUp != "" {
		return r.s.gaveUp == content.String()[:shortDigest]
	}
	op := r.s.real
	return op != nil && op.Request.Rollback && op.Request.GaveUpContent == "" && op.Request.GaveUp == revision
}

// overtake finds out, while an automated rollback is under way or waits to be
// repeated, whether newer content is there that can be applied instead.
func (r *run) overtake(ctx context.Context) {
	op := r.s.op
	if op == nil || op.Request.GaveUp == "" || op.Phase == model.PhaseSucceeded {
		return
	}
	snapshots, _, err := r.newest()
	if err != nil {
		return
	}
	told := r.report.Warnings
	rendered, _, err := r.render(ctx, r.app.Sources, snapshots)
	r.report.Warnings = told // they are of what is not synced yet
	if revision := model.Revision(snapshots); err == nil && !r.givenUp(rendered.Digest, revision) {
		r.overtaken = model.Short(revision)
	}
}
