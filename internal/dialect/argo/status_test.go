package argo

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func ref(kind, name string) model.ObjectRef {
	r := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: kind, Namespace: "ns1", Name: name}, Version: "v1"}
	if kind == "Deployment" {
		r.Group = "apps"
	}
	return r
}

// report is one of a synced and healthy app at a revision.
func report(revision string, change func(*model.Report)) model.Report {
	r := model.Report{
		App: Key("argocd", "a"), Snapshot: &model.Snapshot{Revision: revision}, Tool: "directory",
		Sync: model.Synced, Health: model.Health{Status: model.Healthy}, Applied: revision,
		Resources: []model.ResourceState{
			{Object: ref("Deployment", "d"), Sync: model.Synced, Health: model.Health{Status: model.Healthy}, Live: true},
			{Object: ref("ConfigMap", "c"), Sync: model.Synced, Live: true},
		},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// operation is a sync that began at a second; one without a request is automated.
func operation(phase model.Phase, revision string, start int, req model.Request) *model.Operation {
	op := &model.Operation{Request: req, Phase: phase, Revision: revision, Started: at(start)}
	if phase.Done() {
		op.Finished = at(start + 2)
		op.Results = []model.Result{
			{Object: ref("Deployment", "d"), Action: model.ActionUpdate},
			{Object: ref("ConfigMap", "c"), Action: model.ActionCreate},
			{Object: ref("ConfigMap", "old"), Action: model.ActionDelete},
			{Object: ref("ConfigMap", "kept"), Action: model.ActionLeave},
			{Object: ref("ConfigMap", "same"), Action: model.ActionKeep},
		}
	}
	return op
}

// hooked is the result of a hook.
func hooked(name string, phase model.SyncPhase, state model.HookState, message string) model.Result {
	return model.Result{Object: ref("Job", name), Action: model.ActionCreate, Hook: true, Phase: phase, State: state, Message: message}
}

// child is an Application.
func child(name string) model.ObjectRef {
	return model.ObjectRef{ObjectKey: model.ObjectKey{Group: "argoproj.io", Kind: "Application", Namespace: "argocd", Name: name}, Version: "v1alpha1"}
}

// goingBack is the engine's own request for a return to a revision.
func goingBack(revision string) model.Request {
	return model.Request{
		ID: "rollback", Rollback: true, GaveUp: "bbb", Why: "the app is Degraded: crash", Revision: revision, Prune: true,
		Pin: &model.Pin{Revision: revision}, Retry: model.Retry{Limit: 3},
	}
}

type step struct {
	name    string
	report  model.Report
	app     model.App
	request *v1alpha1.Operation
	// several: the Application has spec.sources.
	several bool
}

// reportOfTwo is a report of an app with a chart and the values for it.
func reportOfTwo(chart, values string, change func(*model.Report)) model.Report {
	return report(chart, func(r *model.Report) {
		r.Sources = []*model.Snapshot{{Revision: chart}, {Revision: values}}
		r.Tool, r.Tools = model.ToolHelm, []string{model.ToolHelm, ""}
		r.Applied = chart + "," + values
		if change != nil {
			change(r)
		}
	})
}

func failing(op *model.Operation) *model.Operation {
	op.Results = []model.Result{{Object: ref("ConfigMap", "c"), Action: model.ActionRefuse, Err: errors.New("denied by policy")}}
	op.Message = "one or more objects failed to apply: denied by policy"
	return op
}

// scenarios are reports as they follow each other; their statuses and events are
// in testdata/status-<name>.txtar.
var scenarios = map[string][]step{
	"automated": {
		{name: "out of sync", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Health.Status, r.Resources[1].Sync = model.OutOfSync, model.Missing, model.OutOfSync
		})},
		{name: "running", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
		})},
		{name: "succeeded", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1"})
		})},
		{name: "nothing new", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1"})
		})},
		{name: "after a restart nothing is known", report: model.Report{App: Key("argocd", "a"), Sync: model.SyncUnknown}},
		{name: "after a restart", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "from status"})
		})},
		{name: "next revision", report: report("bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "bbb", 20, model.Request{ID: "2"})
		})},
		{name: "drift is healed, which is no deployment", report: report("bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "bbb", 30, model.Request{ID: "3", Heal: true})
		})},
	},
	"sources": {
		{name: "one source", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1"})
		})},
		{name: "two sources", several: true, report: reportOfTwo("1.2.3", "bbb", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseRunning, "1.2.3,bbb", 20, model.Request{ID: "2"})
		})},
		{name: "synced", several: true, report: reportOfTwo("1.2.3", "bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "1.2.3,bbb", 20, model.Request{ID: "2"})
		})},
		{name: "after a restart", several: true, report: reportOfTwo("1.2.3", "bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "1.2.3,bbb", 20, model.Request{ID: "from status"})
		})},
		{name: "other values, which do not render", several: true, report: reportOfTwo("1.2.3", "bbb", func(r *model.Report) {
			r.Tool, r.Tools, r.Stage, r.Err = "", nil, model.StageRender, errors.New("values.yaml:3: bad")
		})},
		{name: "one source again", report: report("aaa", nil)},
	},
	"deleting": {
		{name: "synced", report: report("aaa", nil)},
		{name: "objects are going", report: model.Report{
			App: Key("argocd", "a"), Sync: model.SyncUnknown, Health: model.Health{Status: model.Progressing, Message: "being deleted"},
			Resources: report("aaa", nil).Resources[:1],
			Stage:     model.StageDelete, Err: errors.New("waiting for 1 object(s) to be gone: ConfigMap/ns1/c"),
		}},
		{name: "somebody has to agree", report: model.Report{
			App: Key("argocd", "a"), Sync: model.SyncUnknown, Health: model.Health{Status: model.Progressing, Message: "being deleted"},
			Resources: report("aaa", nil).Resources[:1], Stage: model.StageDelete, Err: errors.New("waiting"),
			Blocking: []string{"ConfigMap/ns1/c waits for confirmation: set the annotation argocd.argoproj.io/deletion-approved", "Job/ns1/last runs"},
		}},
		{name: "an object can't be deleted", report: model.Report{
			App: Key("argocd", "a"), Sync: model.SyncUnknown,
			Stage: model.StageDelete, Err: errors.New("deleting the app's objects: ConfigMap/ns1/c: forbidden"),
		}},
	},
	"same-second": {
		{name: "manual", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1", By: "ann"})
		})},
		{name: "healed", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "2", Heal: true})
		})},
		{name: "automated", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "3"})
		})},
		{name: "the same", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{})
		})},
	},
	"manual": {
		{name: "running", request: &v1alpha1.Operation{
			InitiatedBy: v1alpha1.OperationInitiator{Username: "ann"}, Sync: &v1alpha1.SyncOperation{Prune: true},
		}, report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1", By: "ann", Prune: true})
		})},
		{name: "succeeded", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1", By: "ann", Prune: true})
		})},
		{name: "dry run", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 20, model.Request{ID: "2", By: "ann", DryRun: true})
		})},
		{name: "of one object", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 30, model.Request{ID: "3", By: "ann", Only: []model.ObjectKey{ref("ConfigMap", "c").ObjectKey}})
		})},
	},
	"hooks": {
		{name: "begins", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Message = "waiting for the beginning of the operation to be recorded"
		})},
		{name: "a hook runs", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Message = "waiting for completion of hook batch/Job/migrate"
			r.Operation.Results = []model.Result{hooked("migrate", model.PhasePreSync, model.HookStateRunning, "1/3 pods")}
		})},
		{name: "a wave has to become healthy", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Message = "waiting for healthy state of apps/Deployment/d"
			r.Operation.Results = []model.Result{
				hooked("migrate", model.PhasePreSync, model.HookStateSucceeded, "done"),
				{Object: ref("Deployment", "d"), Action: model.ActionCreate, State: model.HookStateRunning, Message: "0 of 2 replicas", Images: []string{"web:2", "log:1"}},
			}
		})},
		{name: "succeeded", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Results = []model.Result{
				hooked("migrate", model.PhasePreSync, model.HookStateSucceeded, "done"),
				{Object: ref("Deployment", "d"), Action: model.ActionCreate, State: model.HookStateSucceeded, Images: []string{"web:2", "log:1"}},
				{Object: ref("Deployment", "e"), Action: model.ActionKeep, Images: []string{"log:1"}},
				hooked("migrate", model.PhasePostSync, model.HookStateSucceeded, ""),
			}
			r.Resources[0].Wave = 2
			r.Resources = append(r.Resources,
				model.ResourceState{Object: ref("Job", "migrate"), Hook: true, Live: true, Wave: -1},
				model.ResourceState{Object: ref("ConfigMap", "old"), Sync: model.OutOfSync, Prune: true, Confirm: true, Live: true},
				model.ResourceState{Object: child("b"), Sync: model.Synced, Live: true})
		})},
		{name: "partly synced, which says nothing of the others' images", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 30, model.Request{ID: "2", By: "ann", Only: []model.ObjectKey{ref("Deployment", "d").ObjectKey}})
			r.Operation.Results = []model.Result{{Object: ref("Deployment", "d"), Action: model.ActionKeep, Images: []string{"web:2"}}}
		})},
	},
	"terminated": {
		{name: "running", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1", Retry: model.Retry{Limit: 5}})
		})},
		{name: "its end is asked for", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1", Retry: model.Retry{Limit: 5}})
			r.Operation.Terminating, r.Operation.Message = true, "waiting for the deletion of hook batch/Job/migrate"
		})},
		{name: "it has ended, and is not repeated", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseFailed, "aaa", 10, model.Request{ID: "1", Retry: model.Retry{Limit: 5}})
			r.Operation.Terminating, r.Operation.Message = true, "Operation terminated"
		})},
	},
	"rollback": {
		{name: "deployed", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1"})
		})},
		{name: "deployed something bad", report: report("bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "bbb", 20, model.Request{ID: "2"})
		})},
		{name: "going back by itself", report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 30, goingBack("aaa"))
		})},
		{name: "it went back", report: report("bbb", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseSucceeded, "aaa", 30, goingBack("aaa"))
			r.Warnings = []model.Warning{{Type: model.WarnRollback, Message: "revision bbb was rolled back to aaa"}}
		})},
		{name: "the same, no second event", report: report("bbb", func(r *model.Report) {
			r.Sync, r.Operation = model.OutOfSync, operation(model.PhaseSucceeded, "aaa", 30, goingBack("aaa"))
			r.Warnings = []model.Warning{{Type: model.WarnRollback, Message: "revision bbb was rolled back to aaa"}}
		})},
	},
	"pinned": {
		{name: "another revision and other sources", request: &v1alpha1.Operation{
			InitiatedBy: v1alpha1.OperationInitiator{Username: "ann"}, Info: []v1alpha1.Info{{Name: "ticket", Value: "7"}},
			Sync: &v1alpha1.SyncOperation{
				Revision: "v1", Source: &v1alpha1.ApplicationSource{RepoURL: "https://git.example/r", Path: "q"},
				SyncOptions: []string{"Validate=false", "Quickly=true"},
			},
		}, report: report("aaa", func(r *model.Report) {
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1", By: "ann", Pin: &model.Pin{Revision: "v1"}})
		})},
		{name: "succeeded", report: report("bbb", func(r *model.Report) {
			r.Sync = model.OutOfSync
			r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{ID: "1", By: "ann", Pin: &model.Pin{Revision: "v1"}})
		})},
	},
	"failing": {
		{name: "failed, to be repeated", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Resources[1].Sync = model.OutOfSync, model.OutOfSync
			r.Operation = failing(operation(model.PhaseFailed, "aaa", 10, model.Request{ID: "1", Retry: model.Retry{Limit: 5}}))
			r.Operation.Retries = 1
			r.Stage, r.Err = model.StageApply, errors.New("configmap/c: denied by policy")
		})},
		{name: "retrying", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Resources[1].Sync = model.OutOfSync, model.OutOfSync
			r.Operation = operation(model.PhaseRunning, "aaa", 10, model.Request{ID: "1"})
			r.Operation.Retries = 2
		})},
		{name: "failed", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Resources[1].Sync = model.OutOfSync, model.OutOfSync
			r.Operation = failing(operation(model.PhaseFailed, "aaa", 10, model.Request{ID: "1"}))
			r.Operation.Retries = 5
			r.Stage, r.Err = model.StageApply, errors.New("configmap/c: denied by policy")
		})},
		{name: "repaired by the next commit", report: report("bbb", func(r *model.Report) {
			r.Operation = operation(model.PhaseSucceeded, "bbb", 60, model.Request{ID: "2"})
		})},
	},
	"errors": {
		{name: "synced", report: report("aaa", nil)},
		{name: "repository gone", report: report("aaa", func(r *model.Report) {
			r.Sync, r.Health, r.Resources = model.SyncUnknown, model.Health{}, nil
			r.Stage, r.Err = model.StageSource, errors.New("repository not found")
		})},
		{name: "warnings", app: model.App{Warnings: []model.Warning{fieldWarning("spec.x is not honoured yet")}},
			report: report("aaa", func(r *model.Report) {
				r.Resources[1].Prune, r.Sync, r.Resources[1].Sync = true, model.OutOfSync, model.OutOfSync
				r.Warnings = []model.Warning{
					fieldWarning("spec.x is not honoured yet"),
					{Type: model.WarnShared, Message: "ConfigMap/ns1/c is part of applications a and b"},
					{Type: model.WarnRepeated, Message: "r"}, {Type: model.WarnExcluded, Message: "e"},
					{Type: model.WarnRender, Message: "skipped"}, {Type: model.WarnPrune, Message: "p"},
					{Type: model.WarnFight, Message: "Deployment/ns1/d is changed again by hpa"},
				}
			})},
		{name: "invalid", app: model.App{Invalid: errors.New("spec.source.chart is not supported yet")},
			report: model.Report{
				App: Key("argocd", "a"), Sync: model.SyncUnknown, Health: model.Health{Status: model.Unknown},
				Stage: model.StageSpec, Err: errors.New("spec.source.chart is not supported yet"),
			}},
	},
}

func TestStatus(t *testing.T) {
	one := v1alpha1.ApplicationSpec{
		Source:      &v1alpha1.ApplicationSource{RepoURL: "https://git.example/r", Path: "p"},
		Destination: v1alpha1.ApplicationDestination{Name: "in-cluster"},
		SyncPolicy:  &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: true}},
	}
	several := *one.DeepCopy()
	several.Source, several.Sources = nil, []v1alpha1.ApplicationSource{
		{RepoURL: "https://charts.example", Chart: "c", TargetRevision: "1.*"},
		{RepoURL: "https://git.example/r", Ref: "values"},
	}
	for name, steps := range scenarios {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "status-"+name+".txtar")
			a, err := txtar.ParseFile(file)
			if err != nil && !*update {
				t.Fatal(err)
			}
			if a == nil {
				a = &txtar.Archive{}
			}
			got := map[string]string{}
			var status v1alpha1.ApplicationStatus
			for i, s := range steps {
				spec := one
				if s.several {
					spec = several
				}
				o := Observed{App: s.app, Spec: spec, Report: s.report, Fresh: true, Operation: s.request, ControllerNamespace: "argocd"}
				next := reread(t, Status(status, o, metav1.NewTime(at(100*(i+1)))))
				got[fmt.Sprintf("%d %s", i+1, s.name)] = transition(t, status, next)
				status = next
			}
			check(t, file, a, got)
		})
	}
}

// reread is a status as the API server gives it back.
func reread(t *testing.T, s v1alpha1.ApplicationStatus) v1alpha1.ApplicationStatus {
	t.Helper()
	var out v1alpha1.ApplicationStatus
	if err := json.Unmarshal(mustJSON(s), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// transition is the new status and its events, or that nothing has changed.
func transition(t *testing.T, prev, next v1alpha1.ApplicationStatus) string {
	t.Helper()
	events := Events(prev, next)
	if string(mustJSON(prev)) == string(mustJSON(next)) {
		if len(events) > 0 {
			t.Errorf("events without a change: %v", events)
		}
		return "unchanged\n"
	}
	text, err := yaml.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.Write(text)
	for _, e := range events {
		fmt.Fprintf(&b, "event: %s %s: %s\n", e.Type, e.Reason, e.Message)
	}
	return b.String()
}

func TestHistoryLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		limit     *int64
		kept      int
		firstKept int64
	}{
		"default": {nil, 10, 5},
		"three":   {new(int64(3)), 3, 12},
		"none":    {new(int64(0)), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var status v1alpha1.ApplicationStatus
			for i := range 15 {
				rev := fmt.Sprint("r", i)
				o := Observed{Spec: v1alpha1.ApplicationSpec{RevisionHistoryLimit: tc.limit}, Report: report(rev, func(r *model.Report) {
					r.Operation = operation(model.PhaseSucceeded, rev, 10*i, model.Request{})
				})}
				status = reread(t, Status(status, o, metav1.NewTime(at(10*i+5))))
			}
			if len(status.History) != tc.kept {
				t.Fatalf("%d entries, want %d", len(status.History), tc.kept)
			}
			if tc.kept > 0 && (status.History[0].ID != tc.firstKept || status.History[tc.kept-1].Revision != "r14") {
				t.Errorf("kept %d to %s", status.History[0].ID, status.History[tc.kept-1].Revision)
			}
		})
	}
}
