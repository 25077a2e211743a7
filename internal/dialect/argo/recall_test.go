package argo

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// everyResult is one of each action, state, phase and kind of object, with and
// without an error.
func everyResult() []model.Result {
	var out []model.Result
	for _, action := range []model.Action{
		model.ActionKeep, model.ActionCreate, model.ActionUpdate, model.ActionCheck,
		model.ActionDelete, model.ActionLeave, model.ActionWait, model.ActionRefuse,
	} {
		for _, state := range []model.HookState{model.HookStateNone, model.HookStateRunning, model.HookStateSucceeded, model.HookStateFailed} {
			for _, phase := range model.AllPhases {
				for _, hook := range []bool{false, true} {
					for _, failed := range []bool{false, true} {
						r := model.Result{
							Object: ref("ConfigMap", fmt.Sprint("c", len(out))), Action: action, State: state, Phase: phase, Hook: hook,
							Message: "since: it differs", Images: []string{"nginx:1"},
						}
						if len(out)%3 == 0 {
							r.Message += "; warning: unknown field"
						}
						if failed || action == model.ActionRefuse {
							r.Err = errors.New("denied: by policy")
						}
						out = append(out, r)
					}
				}
			}
		}
	}
	return out
}

// TestResultsRecalled: what an operation under way has done is read from status as
// it was.
func TestResultsRecalled(t *testing.T) {
	type fact struct {
		Object model.ObjectRef
		Action model.Action
		State  model.HookState
		Phase  model.SyncPhase
		Hook   bool
		Err    string
		Images []string
	}
	factsOf := func(all []model.Result) map[string]fact {
		out := map[string]fact{}
		for _, r := range all {
			f := fact{r.Object, r.Action, r.State, r.Phase, r.Hook, "", r.Images}
			if r.Err != nil {
				f.Err = r.Err.Error()
			}
			out[r.Object.Name] = f
		}
		return out
	}
	op := model.Operation{Phase: model.PhaseRunning, Results: everyResult()}
	written := results(op)
	again := op
	again.Results = nil
	for _, r := range written {
		again.Results = append(again.Results, resultOf(r))
	}
	if diff := cmp.Diff(factsOf(op.Results), factsOf(again.Results)); diff != "" {
		t.Errorf("recalled (-was +is):\n%s", diff)
	}
	if diff := cmp.Diff(written, results(again)); diff != "" {
		t.Errorf("written again (-was +is):\n%s", diff)
	}
}

// TestResultWarns: what was written is told without why, and with what the API server
// warned of, and so it stays when it is read again.
func TestResultWarns(t *testing.T) {
	for message, want := range map[string]string{
		"does not exist": "configmap/c created",
		"does not exist; warning: unknown field \"dta\": left out": "configmap/c created: warning: unknown field \"dta\": left out",
		"warning: unknown field \"dta\": left out":                 "configmap/c created: warning: unknown field \"dta\": left out",
	} {
		op := model.Operation{Phase: model.PhaseSucceeded, Results: []model.Result{
			{Object: ref("ConfigMap", "c"), Action: model.ActionCreate, State: model.HookStateSucceeded, Message: message},
		}}
		for range 2 {
			written := results(op)
			if got := written[0].Message; got != want {
				t.Errorf("%s: %s", message, got)
			}
			op.Results[0] = resultOf(written[0])
		}
	}
}

// TestResultsOfArgoCD: an operation that Argo CD has left unfinished.
func TestResultsOfArgoCD(t *testing.T) {
	for name, tc := range map[string]struct {
		in     v1alpha1.ResourceResult
		action model.Action
		state  model.HookState
		failed bool
	}{
		"hook running":  {v1alpha1.ResourceResult{HookType: "PreSync", HookPhase: "Running", Message: "job.batch/x created"}, model.ActionCreate, model.HookStateRunning, false},
		"hook done":     {v1alpha1.ResourceResult{HookType: "PreSync", HookPhase: "Succeeded", Message: "Reached expected number of succeeded pods"}, model.ActionCreate, model.HookStateSucceeded, false},
		"hook error":    {v1alpha1.ResourceResult{HookType: "PreSync", HookPhase: "Error", Status: "SyncFailed", Message: "no"}, model.ActionRefuse, model.HookStateFailed, true},
		"created":       {v1alpha1.ResourceResult{Status: "Synced", HookPhase: "Running", Message: "job.batch/x created"}, model.ActionCreate, model.HookStateRunning, false},
		"applied":       {v1alpha1.ResourceResult{Status: "Synced", HookPhase: "Running", Message: "job.batch/x serverside-applied"}, model.ActionUpdate, model.HookStateRunning, false},
		"healthy":       {v1alpha1.ResourceResult{Status: "Synced", HookPhase: "Succeeded", Message: "fine"}, model.ActionKeep, model.HookStateSucceeded, false},
		"pruned":        {v1alpha1.ResourceResult{Status: "Pruned", HookPhase: "Succeeded", Message: "pruned (dry run)"}, model.ActionDelete, model.HookStateSucceeded, false},
		"not pruned":    {v1alpha1.ResourceResult{Status: "PruneSkipped", Message: "ignored (no prune)"}, model.ActionLeave, model.HookStateNone, false},
		"not permitted": {v1alpha1.ResourceResult{Status: "SyncFailed", Message: "not permitted"}, model.ActionRefuse, model.HookStateNone, true},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Group, tc.in.Kind, tc.in.Name = "batch", "Job", "x"
			got := resultOf(tc.in)
			if got.Action != tc.action || got.State != tc.state || (got.Err != nil) != tc.failed || got.Hook != (tc.in.HookType != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestAttemptsRecalled: whatever a restart finds, it goes on with the attempt that
// really comes next.
func TestAttemptsRecalled(t *testing.T) {
	retry := model.Retry{Limit: 3, Base: defaultBase, Factor: defaultFactor, Max: defaultMax}
	op := func(phase model.Phase, retries int, change func(*model.Operation)) model.Operation {
		op := model.Operation{
			Request: model.Request{ID: "1", By: "ann", Retry: retry}, Phase: phase, Message: "said by the engine",
			Revision: "aaa", Started: at(10), Retries: retries,
			Results: []model.Result{{Object: ref("Job", "j"), Hook: true, Phase: model.PhasePreSync, State: model.HookStateRunning, Action: model.ActionCreate}},
		}
		if phase.Done() {
			op.Finished = at(20 + retries)
		}
		if change != nil {
			change(&op)
		}
		return op
	}
	terminating := func(op *model.Operation) { op.Terminating = true }
	steps := []struct {
		op    model.Operation
		phase string // as shown
		count int64
	}{
		{op(model.PhaseRunning, 0, nil), "Running", 0},
		{op(model.PhaseFailed, 0, nil), "Running", 1},
		{op(model.PhaseRunning, 1, nil), "Running", 1},
		{op(model.PhaseFailed, 1, nil), "Running", 2},
		{op(model.PhaseRunning, 2, nil), "Running", 2},
		{op(model.PhaseRunning, 2, terminating), "Terminating", 2},
		{op(model.PhaseFailed, 2, terminating), "Failed", 2},
	}
	spec := v1alpha1.ApplicationSpec{Source: &v1alpha1.ApplicationSource{RepoURL: "r", Path: "p"}}
	app := model.App{Spec: digestOf(spec, spec.Destination)}
	request := &v1alpha1.Operation{
		InitiatedBy: v1alpha1.OperationInitiator{Username: "ann"}, Sync: &v1alpha1.SyncOperation{}, Retry: retryStrategy(retry),
	}
	var status v1alpha1.ApplicationStatus
	observe := func(op model.Operation, taken *v1alpha1.Operation) v1alpha1.ApplicationStatus {
		op.Spec = app.Spec
		o := Observed{App: app, Spec: spec, Fresh: true, Operation: taken, Report: report("aaa", func(r *model.Report) { r.Operation = &op })}
		return reread(t, Status(status, o, metav1.NewTime(at(500))))
	}
	for i, s := range steps {
		status = observe(s.op, request)
		request = nil
		shown := status.OperationState
		if shown.Phase != s.phase || shown.RetryCount != s.count {
			t.Errorf("step %d is shown as %s %d", i, shown.Phase, shown.RetryCount)
		}
		last := lastOperation("u", spec, status)
		want := s.op
		if last.Mark() != want.Mark() || last.Phase != want.Phase || last.Terminating != want.Terminating ||
			last.Message != want.Message || !last.Finished.Equal(want.Finished) || last.Spec != app.Spec || markOf(*shown) != want.Mark() {
			t.Errorf("step %d: recalled %+v", i, *last)
		}
		if diff := cmp.Diff(want.Request.Retry, last.Request.Retry); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
		if again := observe(*last, nil); string(mustJSON(again.OperationState)) != string(mustJSON(shown)) {
			t.Errorf("step %d: a restart changes it: %s", i, cmp.Diff(shown, again.OperationState))
		}
	}
}
