package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// finishOp ends the operation: by the machine's word, or by an error that kept it
// from going on. What the app has to tell as its error goes into the report.
func (r *run) finishOp(op *model.Operation, phase model.Phase, message string, cause error) error {
	if r.s.expired.mark == op.Mark() && phase == model.PhaseFailed {
		message = r.s.expired.why // a failure like any other
	}
	if err := r.end(op, phase, message, cause); err != nil {
		r.fail(model.StageApply, err) // how the app is now is told all the same
	}
	return nil
}

// end ends an operation and returns what the app has to tell as its error.
func (r *run) end(op *model.Operation, phase model.Phase, message string, cause error) error {
	done := *op
	done.Phase, done.Message, done.Finished = phase, message, time.Now()
	if done.Finished.Before(done.Started) {
		done.Finished = done.Started
	}
	failed := failures(done.Results)
	r.setOp(&done)
	r.logSync(done, done.Results)
	if r.e.cfg.Synced != nil {
		r.e.cfg.Synced(r.app.Key, done)
	}
	switch {
	case phase == model.PhaseSucceeded:
		r.deployed(&done)
		return nil
	case cause != nil:
		return cause
	case done.Superseded != "":
		return nil
	}
	if r.retries(&done) {
		r.again(max(r.pause(&done), time.Millisecond))
	}
	if len(failed) > 0 {
		return failureOf(failed, message)
	}
	return errors.New(message)
}

// logSync says what the sync changed.
func (r *run) logSync(op model.Operation, results []model.Result) {
	changed := map[model.Action]int{}
	for _, res := range results {
		if res.Err == nil {
			changed[res.Action]++
		}
	}
	facts := []any{
		"app", r.app.Key, "revision", op.Revision, "phase", op.Phase,
		"created", changed[model.ActionCreate], "updated", changed[model.ActionUpdate], "deleted", changed[model.ActionDelete],
		"took", op.Finished.Sub(op.Started).Round(time.Millisecond),
	}
	if op.Request.Heal {
		only := op.Request.Only
		facts = append(facts, "repaired", only[:min(shown, len(only))], "objects", len(only))
	}
	level := slog.LevelInfo
	if op.Phase != model.PhaseSucceeded {
		level, facts = slog.LevelWarn, append(facts, "err", op.Message)
	}
	r.e.cfg.Log.Log(context.Background(), level, "sync ended", facts...)
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

// shown is how many objects a message names.
const shown = 3

// failureOf is the error of a sync; it is transient if every failure is, and
// of StagePrune if only deletes failed.
func failureOf(failed []model.Result, message string) error {
	err := errors.New(message)
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

// mergeResults lays newer results over older ones of the same objects and phases,
// which stay in their places. That there was nothing left to do, or something to
// wait for, says less than what was done before.
func mergeResults(old, now []model.Result) []model.Result {
	type place struct {
		phase model.SyncPhase
		key   model.ObjectKey
	}
	placeOf := func(r model.Result) place {
		return place{cmp.Or(r.Phase, model.PhaseSync), r.Object.ObjectKey}
	}
	out := slices.Clone(old)
	at := make(map[place]int, len(out))
	for i, r := range out {
		at[placeOf(r)] = i
	}
	for _, n := range now {
		i, again := at[placeOf(n)]
		if !again {
			at[placeOf(n)] = len(out)
			out = append(out, n)
			continue
		}
		if o := out[i]; idle(n.Action) && o.Err == nil && changed(o.Action) {
			n.Action, n.Live = o.Action, o.Live
			n.Message = cmp.Or(o.Message, n.Message)
		}
		out[i] = n
	}
	return out
}

func idle(a model.Action) bool { return a == model.ActionKeep || a == model.ActionWait }

func changed(a model.Action) bool {
	return a == model.ActionCreate || a == model.ActionUpdate || a == model.ActionDelete
}
