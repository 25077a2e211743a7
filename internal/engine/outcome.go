package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
// there was nothing left to do, or something to wait for, says less than what was
// done before.
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
		case idle(out[i].Action) && o.Err == nil && changed(o.Action):
			out[i] = o
		}
	}
	return out
}

func idle(a model.Action) bool { return a == model.ActionKeep || a == model.ActionWait }

func changed(a model.Action) bool {
	return a == model.ActionCreate || a == model.ActionUpdate || a == model.ActionDelete
}
