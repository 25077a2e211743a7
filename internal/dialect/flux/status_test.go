package flux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	commitA = "a111111111111111111111111111111111111111"
	commitB = "b222222222222222222222222222222222222222"
)

// clock is an hour that begins at noon; minute n is the time of step n.
func clock(minute int) metav1.Time {
	return metav1.NewTime(time.Date(2026, 1, 2, 12, minute, 0, 0, time.UTC))
}

func snapshot(ref, commit string) *model.Snapshot {
	return &model.Snapshot{Ref: ref, Commit: model.Commit{ID: commit, Subject: "Subject of " + commit[:1]}}
}

func resource(kind, name string, state model.SyncStatus) model.ResourceState {
	ref := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: kind, Namespace: "ns", Name: name}, Version: "v1"}
	return model.ResourceState{Object: ref, Sync: state, Live: true}
}

func gone(r model.ResourceState) model.ResourceState {
	r.Live = false
	return r
}

func operation(phase model.Phase, results ...model.Result) *model.Operation {
	op := &model.Operation{Phase: phase, Started: clock(0).Time, Results: results}
	if phase.Done() {
		op.Finished = op.Started.Add(250 * time.Millisecond)
	}
	return op
}

func result(kind, name string, action model.Action) model.Result {
	return model.Result{Object: resource(kind, name, "").Object, Action: action}
}

type step struct {
	name    string
	report  model.Report
	handled string
	app     func(*model.App)
}

func statusText(s kustomizev1.KustomizationStatus) string {
	var b strings.Builder
	conditionText(&b, s.Conditions)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "observedGeneration: %d\n", s.ObservedGeneration)
	field("lastAppliedRevision", s.LastAppliedRevision)
	field("lastAttemptedRevision", s.LastAttemptedRevision)
	field("lastHandledReconcileAt", s.LastHandledReconcileAt)
	if s.Inventory != nil {
		for _, e := range s.Inventory.Entries {
			field("inventory", e.ID+" "+e.Version)
		}
	}
	return b.String()
}

func conditionText(b *strings.Builder, list []metav1.Condition) {
	for _, c := range list {
		fmt.Fprintf(b, "%s=%s %s (generation %d, %s): %s\n", c.Type, c.Status, c.Reason,
			c.ObservedGeneration, c.LastTransitionTime.UTC().Format("15:04"), c.Message)
	}
}

func eventText(b *strings.Builder, events []Event) {
	for _, e := range events {
		fmt.Fprintf(b, "event %s %s: %s\n", e.Type, e.Reason, strings.ReplaceAll(e.Message, "\n", ", "))
	}
}

// golden compares text with a file of testdata, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestKustomizationStatus(t *testing.T) {
	cm, old, role := resource("ConfigMap", "a", model.Synced), resource("ConfigMap", "old", model.Synced), model.ResourceState{
		Object: model.ObjectRef{ObjectKey: model.ObjectKey{Group: rbacGroup, Kind: "ClusterRole", Name: "system:x"}, Version: "v1"},
		Sync:   model.Synced, Live: true,
	}
	ready := model.Report{
		Generation: 1, Snapshot: snapshot("main", commitA), Applied: commitA, Ready: true, Sync: model.Synced,
		Resources: []model.ResourceState{cm, old, role},
		Operation: operation(model.PhaseSucceeded, result("ConfigMap", "a", model.ActionCreate), result("ConfigMap", "old", model.ActionKeep)),
	}
	with := func(r model.Report, change func(*model.Report)) model.Report {
		change(&r)
		return r
	}
	fail := func(stage model.Stage, err error) model.Report {
		return with(ready, func(r *model.Report) { r.Ready, r.Stage, r.Err, r.Operation = false, stage, err, nil })
	}
	waits := func(a *model.App) { a.Health.All = true }
	unready := []string{"Deployment/ns/web: 0 of 1 updated"}

	scenarios := map[string][]step{
		"sync": {
			{name: "running", report: model.Report{Generation: 1, Snapshot: snapshot("main", commitA), Operation: operation(model.PhaseRunning)}},
			{name: "ready", report: ready},
			{name: "ready again", report: ready},
			{name: "drift is being repaired", report: with(ready, func(r *model.Report) {
				r.Ready, r.Operation = false, operation(model.PhaseRunning)
				r.Resources = []model.ResourceState{cm, gone(old), role}
			})},
			{name: "next commit", report: with(ready, func(r *model.Report) {
				r.Ready, r.Snapshot, r.Operation = false, snapshot("main", commitB), operation(model.PhaseRunning)
			})},
			{name: "next commit applied, one object left Git", report: with(ready, func(r *model.Report) {
				r.Snapshot, r.Applied = snapshot("main", commitB), commitB
				r.Resources = []model.ResourceState{cm, role}
				r.Operation = operation(model.PhaseSucceeded, result("ConfigMap", "a", model.ActionUpdate), result("ConfigMap", "old", model.ActionDelete))
			})},
			{name: "source gone, what was applied is ready", report: with(ready, func(r *model.Report) {
				r.Snapshot, r.Applied = snapshot("main", commitB), commitB
				r.Resources = []model.ResourceState{cm, role}
				r.Stage, r.Err, r.Operation = model.StageSource, errors.New("repository not found"), nil
			})},
			{name: "next generation", report: with(ready, func(r *model.Report) { r.Generation, r.Operation = 2, nil }), handled: "token-1"},
		},
		"failures": {
			{name: "no source", report: model.Report{Generation: 1, Stage: model.StageSource, Err: errors.New("repository not found")}},
			{name: "no GitRepository", report: model.Report{Generation: 1, Stage: model.StageSpec, Err: model.As(model.ErrNotFound, errors.New("GitRepository ns/x not found"))}},
			{name: "dependency", report: model.Report{Generation: 1, Snapshot: snapshot("main", commitA), Stage: model.StageDependency, Err: errors.New("flux/ns/infra is not ready")}},
			{name: "render", report: model.Report{Generation: 1, Snapshot: snapshot("main", commitA), Stage: model.StageRender, Err: errors.New("apps/a.yaml: bad YAML")}},
			{name: "ready", report: ready},
			{name: "render of next commit", report: with(fail(model.StageRender, errors.New("apps/a.yaml: bad YAML")), func(r *model.Report) {
				r.Snapshot, r.Resources = snapshot("main", commitB), nil
			})},
			{name: "policy", report: fail(model.StagePolicy, errors.New("denied by policy"))},
			{name: "target", report: with(fail(model.StageTarget, errors.New("connection refused")), func(r *model.Report) {
				r.Resources = []model.ResourceState{gone(cm), gone(old), gone(role)}
			})},
			{name: "apply, one new object written", report: with(fail(model.StageApply, errors.New("ConfigMap/ns/b: denied")), func(r *model.Report) {
				r.Resources = []model.ResourceState{cm, resource("ConfigMap", "b", model.OutOfSync), resource("ConfigMap", "c", model.OutOfSync)}
				r.Operation = operation(model.PhaseFailed, result("ConfigMap", "c", model.ActionCreate),
					model.Result{Object: resource("ConfigMap", "b", "").Object, Action: model.ActionUpdate, Err: errors.New("denied")})
			})},
			{name: "prune", report: fail(model.StagePrune, errors.New("ConfigMap/ns/old: denied"))},
			{name: "health", report: with(fail(model.StageHealth, errors.New("timeout waiting for health")), func(r *model.Report) { r.Unready = unready }), app: waits},
			{name: "invalid", report: fail(model.StageSpec, model.As(model.ErrInvalid, errors.New("spec.decryption is not supported yet")))},
			{name: "denied", report: fail(model.StageSpec, model.As(model.ErrDenied, errors.New("cross-namespace references are off")))},
			{name: "ready at last", report: ready},
		},
		"health": {
			{name: "waiting", report: with(ready, func(r *model.Report) { r.Ready, r.Unready, r.Operation = false, unready, nil }), app: waits},
			{name: "healthy", report: ready, app: waits},
			{name: "degraded", report: with(ready, func(r *model.Report) { r.Ready, r.Unready, r.Operation = false, unready, nil }), app: waits},
			{name: "no longer asked for", report: ready},
		},
		"warnings": {
			{name: "fields", report: ready, app: func(a *model.App) {
				a.Warnings = []model.Warning{{Type: model.WarnField, Message: "spec.b"}, {Type: model.WarnField, Message: "spec.a"}}
			}},
			{name: "the engine repeats them and adds another", report: with(ready, func(r *model.Report) {
				r.Operation = nil
				r.Warnings = []model.Warning{{Type: model.WarnField, Message: "spec.a"}, {Type: model.WarnShared, Message: "ConfigMap/ns/a is claimed by argo/argocd/x too"}}
			}), app: func(a *model.App) {
				a.Warnings = []model.Warning{{Type: model.WarnField, Message: "spec.b"}, {Type: model.WarnField, Message: "spec.a"}}
			}},
			{name: "none left", report: with(ready, func(r *model.Report) { r.Operation = nil })},
			{name: "suspended", report: with(ready, func(r *model.Report) {
				r.Ready, r.Stage, r.Err, r.Operation = false, model.StageTarget, errors.New("refused"), nil
			}), app: func(a *model.App) { a.Suspended = true }},
		},
	}
	for name, steps := range scenarios {
		t.Run(name, func(t *testing.T) {
			prev := kustomizev1.KustomizationStatus{ObservedGeneration: -1}
			var b strings.Builder
			for i, s := range steps {
				app := model.App{Key: AppKeyOf("ns", "a"), Generation: s.report.Generation,
					Sync: model.Sync{Interval: 5 * time.Minute, Timeout: time.Minute}}
				if s.app != nil {
					s.app(&app)
				}
				next := KustomizationStatus(prev, app, s.report, s.handled, clock(i))
				fmt.Fprintf(&b, "-- %d %s --\n", i, s.name)
				if cmp.Equal(prev, next) {
					b.WriteString("nothing is written\n")
				} else {
					b.WriteString(statusText(next))
				}
				eventText(&b, KustomizationEvents(prev, next, app, s.report, Changes(s.report.Operation)))
				prev = next
			}
			golden(t, "status-"+name+".txt", b.String())
		})
	}
}

func TestGitRepositoryStatus(t *testing.T) {
	repo := Declaration{Kind: "GitRepository", Namespace: "ns", Name: "fleet", Generation: 1, Source: model.Source{Ref: model.Ref{Branch: "main"}}}
	tagged := repo
	tagged.Generation, tagged.Source.Ref = 2, model.Ref{Tag: "v1"}
	refused := repo
	refused.Generation, refused.Reason = 3, sourcev1.VerificationError
	refused.Invalid = model.As(model.ErrInvalid, errors.New("spec.verify is not supported yet"))
	suspended := repo
	suspended.Generation, suspended.Source.Suspended = 4, true
	warned := repo
	warned.Generation, warned.Warnings = 5, []model.Warning{{Type: model.WarnField, Message: "spec.ignore is not honoured yet"}}

	steps := []struct {
		name    string
		repo    Declaration
		state   model.SourceState
		problem error
		handled string
	}{
		{name: "not looked at yet", repo: repo},
		{name: "no Secret", repo: repo, problem: model.As(model.ErrDenied, errors.New("Secret ns/key not found"))},
		{name: "stored", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitA)}},
		{name: "stored again", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitA)}},
		{name: "refresh handled", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitA)}, handled: "token-1"},
		{name: "next commit", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitB)}},
		{name: "unreachable", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitB), Err: model.As(model.ErrTransient, errors.New("connection refused"))}},
		{name: "denied", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitB), Err: model.As(model.ErrDenied, errors.New("401"))}},
		{name: "recovered", repo: repo, state: model.SourceState{Snapshot: snapshot("main", commitB)}},
		{name: "another reference, not looked at yet", repo: tagged, state: model.SourceState{Snapshot: snapshot("main", commitB)}},
		{name: "another reference", repo: tagged, state: model.SourceState{Snapshot: snapshot("v1", commitA)}},
		{name: "refused", repo: refused, state: model.SourceState{Snapshot: snapshot("v1", commitA)}},
		{name: "suspended", repo: suspended, state: model.SourceState{Snapshot: snapshot("main", commitB)}},
		{name: "warned", repo: warned, state: model.SourceState{Snapshot: snapshot("main", commitB)}},
	}
	prev := SourceStatus{ObservedGeneration: -1}
	var b strings.Builder
	for i, s := range steps {
		next := SourceStatusOf(prev, s.repo, s.state, s.problem, s.handled, clock(i))
		fmt.Fprintf(&b, "-- %d %s --\n", i, s.name)
		if cmp.Equal(prev, next) {
			b.WriteString("nothing is written\n")
		} else {
			conditionText(&b, next.Conditions)
			fmt.Fprintf(&b, "observedGeneration: %d\n", next.ObservedGeneration)
			b.WriteString(dump(artifactText(next)))
		}
		eventText(&b, SourceEvents(prev, next, s.repo, s.state.Snapshot))
		prev = next
	}
	golden(t, "status-gitrepository.txt", b.String())
}

// artifactText is what a GitRepository's status says beside its conditions.
func artifactText(s SourceStatus) any {
	out := struct{ Handled, Revision, Path, Digest, Updated string }{Handled: s.LastHandledReconcileAt}
	if a := s.Artifact; a != nil {
		out.Revision, out.Path, out.Digest = a.Revision, a.Path, a.Digest
		out.Updated = a.LastUpdateTime.UTC().Format("15:04")
	}
	return out
}

func TestRevision(t *testing.T) {
	long := strings.Repeat("c", 64)
	for want, s := range map[string]*model.Snapshot{
		"":                                 nil,
		"main@sha1:" + commitA:             snapshot("main", commitA),
		"refs/pull/1/head@sha1:" + commitA: snapshot("refs/pull/1/head", commitA),
		"sha1:" + commitA:                  snapshot("", commitA),
		"sha256:" + long:                   snapshot("", long),
	} {
		got := Revision(s)
		if got != want {
			t.Errorf("Revision = %q, want %q", got, want)
		}
		if s != nil && commitOf(got) != s.Commit.ID {
			t.Errorf("commitOf(%q) = %q", got, commitOf(got))
		}
	}
	if got := commitOf("main/" + commitA); got != commitA {
		t.Errorf("commit of the older form = %q", got)
	}
}
