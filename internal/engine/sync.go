package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

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
	snap := r.desired.snapshot
	if rev := req.Revision; rev != "" && rev != "HEAD" && rev != snap.Ref && !strings.HasPrefix(snap.Commit.ID, rev) {
		return model.As(model.ErrInvalid, fmt.Errorf(
			"syncing to %q is not possible: the app follows %q, now at commit %s; change its target revision instead", rev, snap.Ref, snap.Commit.ID))
	}
	if !r.prunes(req) {
		return nil
	}
	return r.permitted(req).Blocked
}

// commit is the revision that is worked on.
func (r *run) commit() string {
	if r.desired == nil || r.desired.snapshot == nil {
		return ""
	}
	return r.desired.snapshot.Commit.ID
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

// lessons are what writes made of objects, remembered by the way, so that a
// crash in the middle of a sync loses little.
type lessons struct {
	r   *run
	ctx context.Context // of the act
	// before is what the operation had written already.
	before map[model.ObjectKey]bool

	mu   sync.Mutex
	put  map[model.ObjectKey]model.Pair
	gone []model.ObjectKey
}

// lessonsAtOnce is how many are remembered together.
const lessonsAtOnce = 64

func (l *lessons) add(res model.Result) {
	key := res.Object.ObjectKey
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case res.Err != nil && l.ctx.Err() != nil:
		// It was cut off and may have been done or not: only a dry run can tell.
		l.gone = append(l.gone, key)
	case res.Err != nil:
		return
	case res.Action == model.ActionDelete:
		l.gone = append(l.gone, key)
	case res.Live.UID != "":
		if l.put == nil {
			l.put = map[model.ObjectKey]model.Pair{}
		}
		l.put[key] = model.Pair{
			Desired: l.r.desired.byKey[key].Digest, Fields: res.Live.Fields, Time: res.Live.Time, UID: res.Live.UID,
			ResourceVersion: res.Live.ResourceVersion,
		}
		l.r.noteHeal(key, l.before[key])
	}
	if len(l.put)+len(l.gone) >= lessonsAtOnce {
		l.flushLocked()
	}
}

func (l *lessons) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

func (l *lessons) flushLocked() {
	l.r.remember(l.put, l.gone)
	l.put, l.gone = nil, nil
}

// conclude ends the operation, or leaves it running while something is waited
// for.
func (r *run) conclude(op *model.Operation, results []model.Result, blocked error) error {
	done := *op
	done.Results = mergeResults(op.Results, results)
	waits := r.waits(op.Request)
	failed := failures(results)
	switch {
	case blocked != nil:
		done.Phase, done.Message = model.PhaseError, blocked.Error()
	case len(failed) > 0:
		done.Phase, done.Message = model.PhaseFailed, failureText(failed)
	case len(waits) > 0 && !op.Request.DryRun:
		done.Message = "waiting: " + strings.Join(waits, "; ")
		r.setOp(&done)
		return nil
	default:
		done.Phase, done.Message = model.PhaseSucceeded, "successfully synced (all tasks run)"
	}
	done.Finished = time.Now()
	r.setOp(&done)
	r.logSync(done, results)
	if r.e.cfg.Synced != nil {
		r.e.cfg.Synced(r.app.Key, done)
	}
	if len(failed) == 0 {
		return blocked
	}
	if r.retries(&done) {
		r.again(max(r.pause(&done), time.Millisecond))
	}
	return failureOf(failed)
}

// logSync says what the sync changed.
func (r *run) logSync(op model.Operation, results []model.Result) {
	changed := map[model.Action]int{}
	for _, res := range results {
		if res.Err == nil {
			changed[res.Action]++
		}
	}
	level, why := slog.LevelInfo, ""
	if op.Phase != model.PhaseSucceeded {
		level, why = slog.LevelWarn, op.Message
	}
	r.e.cfg.Log.Log(context.Background(), level, "sync ended", "app", r.app.Key, "revision", op.Revision, "phase", op.Phase,
		"heal", op.Request.Heal, "created", changed[model.ActionCreate], "updated", changed[model.ActionUpdate],
		"deleted", changed[model.ActionDelete], "took", op.Finished.Sub(op.Started).Round(time.Millisecond), "err", why)
}

// waits names what the request has to wait for.
func (r *run) waits(req model.Request) []string {
	var out []string
	for _, s := range r.selected(req).Steps {
		if s.Action == model.ActionWait {
			out = append(out, fmt.Sprintf("%s %s", s.Object.ObjectKey, s.Reason))
		}
	}
	return out
}

func failures(results []model.Result) []model.Result {
	var out []model.Result
	for _, res := range results {
		if res.Err != nil {
			out = append(out, res)
		}
	}
	return out
}

// shown is how many failures a message names.
const shown = 3

func failureText(failed []model.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d object(s) could not be synced: ", len(failed))
	for i, f := range failed[:min(shown, len(failed))] {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", f.Object.ObjectKey, f.Err)
	}
	if n := len(failed) - shown; n > 0 {
		fmt.Fprintf(&b, "; and %d more", n)
	}
	return b.String()
}

// failureOf is the error of a sync; it is transient if every failure is, and
// of StagePrune if only deletes failed.
func failureOf(failed []model.Result) error {
	err := errors.New(failureText(failed))
	transient, prune := true, true
	for _, f := range failed {
		transient = transient && errors.Is(f.Err, model.ErrTransient)
		prune = prune && f.Action == model.ActionDelete
	}
	if transient {
		err = model.As(model.ErrTransient, err)
	}
	if prune {
		return &stageError{model.StagePrune, err}
	}
	return err
}

// mergeResults lays newer results over older ones of the same objects. That
// there was nothing left to do says less than what was done before.
func mergeResults(old, now []model.Result) []model.Result {
	out := slices.Clone(now)
	at := make(map[model.ObjectKey]int, len(now))
	for i, n := range now {
		at[n.Object.ObjectKey] = i
	}
	for _, o := range old {
		i, again := at[o.Object.ObjectKey]
		switch {
		case !again:
			out = append(out, o)
		case out[i].Action == model.ActionKeep && o.Err == nil && changed(o.Action):
			out[i] = o
		}
	}
	return out
}

func changed(a model.Action) bool {
	return a == model.ActionCreate || a == model.ActionUpdate || a == model.ActionDelete
}
