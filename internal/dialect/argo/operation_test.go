package argo

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func setPhase(phase string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, phase, "status", "operationState", "phase")
	}
}

func TestReconcileRecords(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.take()
	retry := model.Request{ID: "1", Retry: model.Retry{Limit: 2}}
	op := func(phase model.Phase, retries int) model.Report {
		return report("aaa", func(r *model.Report) {
			r.Operation = operation(phase, "aaa", 10, retry)
			r.Operation.Retries, r.Operation.Spec = retries, b.app.Spec
		})
	}
	b.report(op(model.PhaseRunning, 0))
	b.expect("its beginning", "recorded 1767225610.0 Running")
	b.report(op(model.PhaseRunning, 0))
	b.expect("once")
	ended := op(model.PhaseRunning, 0)
	ended.Operation.Results = []model.Result{
		hooked("one", model.PhasePreSync, model.HookStateSucceeded, ""), hooked("two", model.PhasePreSync, model.HookStateRunning, ""),
	}
	b.report(ended)
	b.expect("that a hook has ended", "recorded 1767225610.0 Running 1 hooks")
	b.report(op(model.PhaseFailed, 0))
	b.expect("the end of the first attempt, although it is shown as running", "recorded 1767225610.0 Failed")
	if s := statusOf(b.get()).OperationState; s.Phase != "Running" || s.RetryCount != 1 || s.FinishedAt == nil {
		t.Errorf("state: %+v", s)
	}
	again := b.restart()
	again.reconcile()
	again.expect("after a restart", "set argo/argocd/a", "put argo/argocd/a", "recorded 1767225610.0 Failed")
	b.report(op(model.PhaseRunning, 1))
	b.expect("the beginning of the second", "recorded 1767225610.1 Running")
	if s := statusOf(b.get()).OperationState; s.Phase != "Running" || s.RetryCount != 1 || s.FinishedAt != nil {
		t.Errorf("state: %+v", s)
	}
	b.r.Report(t.Context(), op(model.PhaseSucceeded, 1))
	b.report(report("bbb", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "bbb", 30, model.Request{ID: "2"}) }))
	b.expect("an end that a later operation follows at once", "recorded 1767225610.1 Succeeded", "recorded 1767225630.0 Running")
	want := []string{
		"Normal OperationStarted Initiated automated sync to 'aaa'", "Normal ResourceUpdated Updated sync status:  -> Synced",
		"Normal ResourceUpdated Updated health status:  -> Healthy", "Normal OperationCompleted Sync operation to aaa succeeded",
		"Normal OperationStarted Initiated automated sync to 'bbb'",
	}
	if diff := cmp.Diff(want, b.recorded()); diff != "" {
		t.Errorf("a repetition is no event:\n%s", diff)
	}
}

// TestReconcileOnceMore: a request that is begun once more, since there is newer
// content, is told as its user wrote it.
func TestReconcileOnceMore(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.edit(syncing(map[string]any{"syncStrategy": map[string]any{"apply": map[string]any{}}}))
	b.reconcile()
	req := b.requests[0]
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 10, req) }))
	over := report("bbb", func(r *model.Report) {
		r.Operation = operation(model.PhaseFailed, "aaa", 10, req)
		r.Operation.Superseded = "bbb"
	})
	expect := func(reason, phase string) {
		t.Helper()
		s := statusOf(b.get()).OperationState
		if s.Phase != phase || s.Operation.InitiatedBy.Username != "ann" || s.Operation.Sync.SyncStrategy == nil {
			t.Errorf("%s: %+v", reason, s)
		}
	}
	b.report(over)
	expect("superseded", "Failed")
	b.report(report("bbb", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "bbb", 20, req) }))
	expect("once more", "Running")
	b = b.restart()
	b.reconcile()
	b.report(report("ccc", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "ccc", 30, b.app.Last.Request) }))
	expect("once more after a restart", "Running")
	if s := statusOf(b.get()).OperationState; s.SyncResult.Revision != "ccc" {
		t.Errorf("state: %+v", s)
	}
}

// TestReconcileRecordsAfterRefusal: a refused request is the last operation for a
// while; the one that is repeated must not wait for ever because of it.
func TestReconcileRecordsAfterRefusal(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	op := func(phase model.Phase, retries int) model.Report {
		return report("aaa", func(r *model.Report) {
			r.Operation = operation(phase, "aaa", 1, model.Request{ID: "1", Retry: model.Retry{Limit: 2}})
			r.Operation.Retries, r.Operation.Spec = retries, b.app.Spec
		})
	}
	b.report(op(model.PhaseFailed, 0))
	b.edit(func(u *unstructured.Unstructured) { u.Object["operation"] = map[string]any{} })
	b.reconcile()
	if s := statusOf(b.get()).OperationState; s.Phase != "Error" {
		t.Fatalf("state: %+v", s)
	}
	b.take()
	if n := b.report(op(model.PhaseFailed, 0)); n != 0 {
		t.Errorf("%d writes: the refusal stays until the repetition begins", n)
	}
	b.report(op(model.PhaseRunning, 1))
	b.expect("it begins", "recorded 1767225601.1 Running")
}

// TestReconcileRefusesInTheSameSecond: a refusal stays what was last, and what was
// deployed before is no deployment once more.
func TestReconcileRefusesInTheSameSecond(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.edit(syncing(map[string]any{}))
	b.reconcile()
	done := report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 4, b.requests[0]) })
	b.report(done)
	b.edit(func(u *unstructured.Unstructured) { u.Object["operation"] = map[string]any{} })
	if b.reconcile(); b.now != at(4) {
		t.Fatalf("it is %s", b.now)
	}
	if n := b.report(done); n != 0 {
		t.Errorf("%d writes", n)
	}
	if s := statusOf(b.get()); s.OperationState.Phase != "Error" || len(s.History) != 1 {
		t.Errorf("state %+v, history %+v", s.OperationState, s.History)
	}
}

func TestReconcileTerminates(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	running := func(terminating bool, message string) model.Report {
		return report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Terminating, r.Operation.Message = terminating, message
		})
	}
	b.report(running(false, "waiting for a hook"))
	b.edit(setPhase(phaseTerminating))
	b.take()
	b.reconcile()
	b.expect("the engine is told", "terminate argo/argocd/a")
	b.reconcile()
	b.expect("once")
	b.report(running(false, "waiting for another hook"))
	b.expect("again, since it has not heard of it yet", "terminate argo/argocd/a")
	if s := statusOf(b.get()).OperationState; s.Phase != phaseTerminating || s.Message != "waiting for another hook" {
		t.Errorf("a write of our own loses the request: %+v", s)
	}
	again := b.restart()
	again.reconcile()
	if last := again.app.Last; last == nil || !last.Terminating || last.Phase != model.PhaseRunning {
		t.Errorf("recalled: %+v", last)
	}
	again.expect("after a restart", "set argo/argocd/a", "put argo/argocd/a", "terminate argo/argocd/a", "recorded 1767225610.0 Running")
	b.report(running(true, "waiting for the deletion of a hook"))
	b.reconcile()
	b.expect("it has heard")
	b.report(report("aaa", func(r *model.Report) {
		r.Operation = operation(model.PhaseFailed, "aaa", 10, model.Request{ID: "1"})
		r.Operation.Terminating, r.Operation.Message = true, "Operation terminated"
	}))
	b.expect("it has ended", "recorded 1767225610.0 Failed")
	if s := statusOf(b.get()).OperationState; s.Phase != "Failed" || s.Message != "Operation terminated" || s.FinishedAt == nil {
		t.Errorf("state: %+v", s)
	}
}

// TestReconcileTerminatesPause: the end is asked for between two attempts.
func TestReconcileTerminatesPause(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	op := func(phase model.Phase, retries int) model.Report {
		return report("aaa", func(r *model.Report) {
			r.Operation = operation(phase, "aaa", 10, model.Request{ID: "1", Retry: model.Retry{Limit: 2}})
			r.Operation.Retries, r.Operation.Spec = retries, b.app.Spec
		})
	}
	b.report(op(model.PhaseFailed, 0))
	b.edit(setPhase(phaseTerminating))
	b.reconcile()
	b.report(op(model.PhaseRunning, 1))
	if s := statusOf(b.get()).OperationState; s.Phase != phaseTerminating || s.FinishedAt != nil || s.RetryCount != 1 {
		t.Errorf("the request is lost when the attempt begins: %+v", s)
	}
	b.take()
	after := op(model.PhaseFailed, 1)
	after.Operation.Terminating = true
	b.report(after)
	if last := lastOperation("u", specOf(b.get()), statusOf(b.get())); last.Phase != model.PhaseFailed || !last.Terminating || last.Retries != 1 {
		t.Errorf("recalled: %+v", last)
	}
}

func TestReconcileHookFinalizers(t *testing.T) {
	app := minimal(t, "")
	app.SetFinalizers([]string{finalizer})
	b := newBench(t, app)
	b.reconcile()
	both := func(r *model.Report) { r.Hooks = model.PhasesOf(model.PhasePreDelete, model.PhasePostDelete) }
	all := []string{
		finalizer, finalizerPreDelete, finalizerPreDelete + finalizerCleanup, finalizerPostDelete, finalizerPostDelete + finalizerCleanup,
	}
	expect := func(reason string, want ...string) {
		t.Helper()
		if got := b.get().GetFinalizers(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", reason, got)
		}
	}
	if n := b.report(report("aaa", both)); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	expect("set with the status", all...)
	for name, change := range map[string]func(*model.Report){
		"an error": func(r *model.Report) { r.Stage, r.Err = model.StageRender, errors.New("no") },
		"unknown":  func(r *model.Report) { r.Resources = nil },
		"begins":   func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{}) },
		"a pin":    func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "x", 10, goingBack("x")) },
	} {
		b.report(report("aaa", change))
		expect(name, all...)
	}
	b.r.Report(t.Context(), report("aaa", nil))
	b.r.apps[Key("argocd", "a")].app.Generation = 5
	b.reconcile()
	expect("a report of an older spec", all...)
	b.r.apps[Key("argocd", "a")].app.Generation = 0
	b.report(report("aaa", func(r *model.Report) { r.Hooks = model.PhasesOf(model.PhasePostDelete) }))
	expect("one is not declared any more", finalizer, finalizerPostDelete, finalizerPostDelete+finalizerCleanup)

	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.report(report("aaa", both))
	expect("none is added to what is being deleted", finalizer, finalizerPostDelete, finalizerPostDelete+finalizerCleanup)
	if !b.app.DeleteHooks || b.app.Deletion != "Foreground" {
		t.Errorf("app: %+v", b.app)
	}
}

// TestReconcileDeletesWithHooksOnly: without the finalizer for its objects they
// stay, and the hooks run.
func TestReconcileDeletesWithHooksOnly(t *testing.T) {
	app := minimal(t, "")
	app.SetFinalizers([]string{finalizerPostDelete, finalizerPostDelete + finalizerCleanup, "example.com/other"})
	b := newBench(t, app)
	b.reconcile()
	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	if a := b.app; !a.Deleting || !a.DeleteHooks || a.Deletion != "Orphan" || a.Suspended || a.Since.IsZero() {
		t.Errorf("app: %+v", a)
	}
	b.report(model.Report{App: Key("argocd", "a"), Deleted: true})
	if got := b.get().GetFinalizers(); !slices.Equal(got, []string{"example.com/other"}) {
		t.Errorf("finalizers left: %v", got)
	}
}

func TestReconcilePersistsHealth(t *testing.T) {
	params := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: configParams, Labels: map[string]string{LabelPartOf: PartOf}},
		Data:       map[string]string{"controller.resource.health.persist": "true"},
	}
	b := newBench(t, minimal(t, ""), params)
	b.reconcile()
	b.report(report("aaa", nil))
	s := statusOf(b.get())
	if s.ResourceHealthSource != "" || s.Resources[0].Health != nil || s.Resources[1].Health == nil || s.Resources[1].Health.Status != "Healthy" {
		t.Errorf("resources: %+v", s.Resources)
	}
}
