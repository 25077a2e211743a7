package argo

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestTargetOf(t *testing.T) {
	git := func(revision string) *v1alpha1.ApplicationSource {
		return &v1alpha1.ApplicationSource{RepoURL: "r", Path: "p", TargetRevision: revision}
	}
	one := v1alpha1.ApplicationSpec{Source: git("main")}
	two := v1alpha1.ApplicationSpec{Sources: []v1alpha1.ApplicationSource{*git("main"), {RepoURL: "v", Ref: "v"}}}
	here := []*model.Snapshot{{Ref: "main", Revision: "abcdef"}, {Ref: "main", Revision: "123456"}}
	for name, tc := range map[string]struct {
		spec     v1alpha1.ApplicationSpec
		sync     v1alpha1.SyncOperation
		revision string
		pinned   bool
	}{
		"nothing":               {one, v1alpha1.SyncOperation{}, "", false},
		"what it follows":       {one, v1alpha1.SyncOperation{Revision: "main"}, "", false},
		"HEAD":                  {one, v1alpha1.SyncOperation{Revision: "HEAD"}, "", false},
		"what is at hand":       {one, v1alpha1.SyncOperation{Revision: "abcd"}, "abcd", false},
		"another":               {one, v1alpha1.SyncOperation{Revision: "v1"}, "v1", true},
		"the source repeated":   {one, v1alpha1.SyncOperation{Source: git("main")}, "", false},
		"another in the source": {one, v1alpha1.SyncOperation{Source: git("v1")}, "v1", true},
		"an empty source":       {one, v1alpha1.SyncOperation{Source: &v1alpha1.ApplicationSource{}}, "", false},
		"another source":        {one, v1alpha1.SyncOperation{Source: &v1alpha1.ApplicationSource{RepoURL: "r", Path: "q", TargetRevision: "x"}}, "", true},
		"another, at a revision": {one, v1alpha1.SyncOperation{
			Source: &v1alpha1.ApplicationSource{RepoURL: "r", Path: "q"}, Revision: "abcdef",
		}, "abcdef", true},
		"one of two":      {two, v1alpha1.SyncOperation{Revisions: []string{"main", "v2"}}, ",v2", true},
		"the first":       {two, v1alpha1.SyncOperation{Revision: "v1"}, "v1,", true},
		"both at hand":    {two, v1alpha1.SyncOperation{Revisions: []string{"abc", "123"}}, "abc,123", false},
		"one for two":     {two, v1alpha1.SyncOperation{Source: git("v1")}, "", true},
		"two repeated":    {two, v1alpha1.SyncOperation{Sources: two.Sources}, "", false},
		"two for one":     {one, v1alpha1.SyncOperation{Sources: two.Sources, Revisions: []string{"abc"}}, "abc,", true},
		"too many are no": {one, v1alpha1.SyncOperation{Revisions: []string{"main", "b"}}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := targetOf(tc.sync, tc.spec, here)
			if got.revision() != tc.revision || got.pinned != tc.pinned {
				t.Errorf("got %q, pinned %v", got.revision(), got.pinned)
			}
		})
	}
}

func TestReconcilePins(t *testing.T) {
	b := newBench(t, minimal(t, "source: {repoURL: https://git.example/r, path: p, targetRevision: main}"))
	b.reconcile()
	b.report(report("bbb", nil))
	b.take()
	b.edit(syncing(map[string]any{
		"revision": "v1", "syncStrategy": map[string]any{"apply": map[string]any{"force": true}}, "syncOptions": []any{"Validate=false"},
	}))
	b.reconcile()
	b.expect("its content is asked for before the sync", "set argo/argocd/a/op/0", "operate ann prune=false")
	req := b.requests[0]
	if req.Revision != "v1" || req.Pin == nil || req.Pin.Revision != "v1" || req.Pin.Spec != b.app.Spec || !req.NoHooks || req.Rollback {
		t.Errorf("request: %+v, pin %+v", req, req.Pin)
	}
	if o := req.Options; o == nil || o.Defaults.Force != model.Yes || o.Defaults.Validate != model.No {
		t.Errorf("options: %+v", req.Options)
	}
	if s := req.Pin.Sources; len(s) != 1 || s[0].Key != "argo/argocd/a/op/0" || s[0].Render.Path != "p" || s[0].Render.Env["ARGOCD_APP_SOURCE_TARGET_REVISION"] != "main" {
		t.Errorf("sources: %+v", req.Pin.Sources)
	}
	if b.source.Ref.Any != "v1" {
		t.Errorf("the content is that of %+v", b.source.Ref)
	}
	running := report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 50, req) })
	running.Operation.Spec = req.Pin.Spec
	b.report(running)
	b.expect("it goes on being asked for", "recorded 1767225650.0 Running")
	if got := statusOf(b.get()).Sync.Revision; got != "bbb" {
		t.Errorf("status.sync tells of %s, which is not what is declared", got)
	}

	restarted := b.restart()
	restarted.reconcile()
	restarted.expect("after a restart too, before the app is known, at the commit that it began with",
		"set argo/argocd/a", "set argo/argocd/a/op/0", "put argo/argocd/a", "recorded 1767225650.0 Running")
	if restarted.source.Ref.Any != "aaa" {
		t.Errorf("the content is that of %+v", restarted.source.Ref)
	}
	last := restarted.app.Last
	if last == nil || last.Request.Pin == nil || last.Request.Pin.Revision != "aaa" || last.Request.Pin.Spec != req.Pin.Spec || last.Spec != req.Pin.Spec ||
		!last.Request.NoHooks || last.Request.Options.Defaults.Force != model.Yes {
		t.Errorf("recalled: %+v", last)
	}
	restarted.report(report("bbb", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "aaa", 50, last.Request)
		r.Operation.Spec = last.Spec
	}))
	restarted.expect("and not any more when it has ended", "recorded 1767225650.0 Succeeded", "remove argo/argocd/a/op/0")
	restarted.reconcile()
	restarted.expect("once")
	if h := statusOf(b.get()).History; len(h) != 1 || h[0].Revision != "aaa" || h[0].Source.TargetRevision != "main" {
		t.Errorf("history: %+v", h)
	}
}

// TestReconcileKeepsPinOfRepeated: what a sync of another revision needs is asked for as
// long as the sync is repeated.
func TestReconcileKeepsPinOfRepeated(t *testing.T) {
	b := newBench(t, minimal(t, "source: {repoURL: https://git.example/r, path: p, targetRevision: main}"))
	b.reconcile()
	b.report(report("bbb", nil))
	b.edit(syncing(map[string]any{"revision": "v1"}))
	b.reconcile()
	b.take()
	req := b.requests[0]
	failed := func(err error) model.Report {
		r := report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseFailed, "aaa", 50, req) })
		r.Operation.Spec = req.Pin.Spec
		r.Operation.Results = []model.Result{{Object: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Name: "c"}}, Err: err}}
		return r
	}
	removed := func() bool { return slices.Contains(b.take(), "remove argo/argocd/a/op/0") }
	b.report(failed(model.As(model.ErrTransient, errors.New("not now"))))
	if removed() {
		t.Error("a failure that passes is repeated, and what it needs is given up")
	}
	b.report(failed(model.As(model.ErrInvalid, errors.New("not valid"))))
	if !removed() {
		t.Error("one that lasts is not repeated, and what it needs is still asked for")
	}
}

func TestReconcileRollsBack(t *testing.T) {
	b := newBench(t, minimal(t, "source: {repoURL: https://git.example/r, path: p, targetRevision: v1, helm: {values: 'a: 1'}}"))
	b.reconcile()
	then := b.app.Spec
	b.report(report("aaa", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{By: "ann"})
	}))
	b.edit(func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "v2", "spec", "source", "targetRevision")
		_ = unstructured.SetNestedField(u.Object, "a: 2", "spec", "source", "helm", "values")
	})
	b.reconcile()
	b.report(report("bbb", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "bbb", 20, model.Request{By: "ann"})
	}))
	// As argocd app rollback asks for it.
	entry, _, _ := unstructured.NestedSlice(b.get().Object, "status", "history")
	first, _ := entry[0].(map[string]any)
	back := syncing(map[string]any{
		"revision": first["revision"], "source": first["source"], "syncStrategy": map[string]any{"apply": map[string]any{}},
	})
	b.take()
	b.edit(back)
	b.reconcile()
	b.expect("what was deployed is asked for", "set argo/argocd/a/op/0", "operate ann prune=false")
	req := b.requests[0]
	if !req.Rollback || req.Pin == nil || req.Pin.Revision != "aaa" || req.Pin.Spec != then || then == b.app.Spec {
		t.Errorf("request: %+v, pin %+v", req, req.Pin)
	}
	b.report(report("bbb", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "aaa", 60, req)
		r.Operation.Spec = then
	}))
	status := statusOf(b.get())
	if h := status.History; len(h) != 3 || h[2].ID != 2 || h[2].Revision != "aaa" || h[2].Source.TargetRevision != "v1" || h[2].Source.Helm.Values != "a: 1" {
		t.Errorf("history: %+v", h)
	}
	if got := lastOperation("u", specOf(b.get()), status); got.Spec != then || !got.Request.Rollback || got.Revision != "aaa" {
		t.Errorf("recalled: %+v", got)
	}

	b.edit(func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedMap(u.Object, map[string]any{}, "spec", "syncPolicy", "automated")
	})
	b.edit(back)
	b.reconcile()
	if s := statusOf(b.get()).OperationState; s.Phase != "Error" || !strings.Contains(s.Message, "rollback cannot be initiated when auto-sync is enabled: set spec.syncPolicy.automated.enabled to false") {
		t.Errorf("state: %+v", s)
	}
	b.edit(syncing(map[string]any{"revision": "v0", "dryRun": true}))
	b.reconcile()
	if len(b.requests) != 2 || b.requests[1].Pin == nil {
		t.Errorf("a dry run changes nothing, and is carried out: %+v", b.requests)
	}
}

// TestPinNamesRevisions: what a source follows has a name too.
func TestPinNamesRevisions(t *testing.T) {
	spec := v1alpha1.ApplicationSpec{Sources: []v1alpha1.ApplicationSource{
		{RepoURL: "https://git.example/a", Path: "a", TargetRevision: "main"}, {RepoURL: "https://git.example/b", Path: "b"},
		{RepoURL: "https://git.example/c", Path: "c"},
	}}
	pin, sources, err := targetOf(v1alpha1.SyncOperation{Revisions: []string{"", "v1"}}, spec, nil).pin(Key("argocd", "a"), Env{Settings: &Settings{}})
	if err != nil {
		t.Fatal(err)
	}
	if pin.Revision != "main,v1,HEAD" || sources[0].Ref.Any != "main" || sources[1].Ref.Any != "v1" || sources[2].Ref.Any != "" {
		t.Errorf("pin %+v, sources %+v", pin, sources)
	}
}

// TestRollbackOfSeveral: the empty source that Argo CD writes beside several.
func TestRollbackOfSeveral(t *testing.T) {
	app := minimal(t, "{source: null, sources: [{repoURL: https://git.example/a, path: a}, {repoURL: https://git.example/b, ref: v}]}")
	b := newBench(t, app)
	b.reconcile()
	then := b.app.Spec
	b.report(reportOfTwo("aaa", "bbb", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "aaa,bbb", 10, model.Request{By: "ann"})
	}))
	b.report(reportOfTwo("ccc", "ddd", nil))
	b.take()
	b.edit(func(u *unstructured.Unstructured) {
		all, _, _ := unstructured.NestedSlice(u.Object, "status", "history")
		h, _ := all[0].(map[string]any)
		syncing(map[string]any{"revisions": h["revisions"], "sources": h["sources"], "source": map[string]any{"repoURL": ""}})(u)
	})
	b.reconcile()
	b.expect("both", "set argo/argocd/a/op/0", "set argo/argocd/a/op/1", "operate ann prune=false")
	if req := b.requests[0]; !req.Rollback || req.Pin.Revision != "aaa,bbb" || req.Pin.Spec != then || req.Pin.Sources[1].Ref != "v" {
		t.Errorf("request: %+v, pin %+v", req, req.Pin)
	}
}

// TestRecallAutomatedRollback: the engine's own return to what was deployed.
func TestRecallAutomatedRollback(t *testing.T) {
	b := newBench(t, minimal(t, "syncPolicy: {automated: {prune: true}}"))
	b.reconcile()
	b.report(report("aaa", func(r *model.Report) {
		r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{})
		r.Operation.Spec = b.app.Spec
	}))
	then := b.app.Spec
	b.edit(func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "q", "spec", "source", "path")
	})
	b.reconcile()
	req := goingBack("aaa")
	req.Pin.Spec = then
	b.report(report("aaa", func(r *model.Report) {
		r.Operation = operation(model.PhaseRunning, "aaa", 30, req)
		r.Operation.Spec = then
	}))
	after := b.restart()
	after.reconcile()
	last := after.app.Last
	got := last.Request
	if !got.Rollback || got.GaveUp != req.GaveUp || got.Why != req.Why || !got.Prune || got.By != "" || got.Revision != "aaa" || last.Spec != then {
		t.Errorf("recalled: %+v", last)
	}
	if got.Pin == nil || got.Pin.Revision != "aaa" || got.Pin.Spec != then || len(got.Pin.Sources) != 1 || got.Pin.Sources[0].Render.Path != "p" {
		t.Errorf("pin: %+v", got.Pin)
	}
	if !slices.Contains(after.take(), "set argo/argocd/a/op/0") {
		t.Error("its content is not asked for")
	}
}

func TestDeployedAs(t *testing.T) {
	source := v1alpha1.ApplicationSource{RepoURL: "r", Path: "p"}
	history := []v1alpha1.RevisionHistory{
		{ID: 0, Revision: "aaa", Source: &source}, {ID: 1, Revision: "bbb", Source: &source}, {ID: 2, Revision: "aaa", Source: &source},
	}
	ids := map[string]int64{}
	for _, revision := range []string{"aaa", "bbb", "ccc"} {
		if h := deployedAs(v1alpha1.SyncOperation{Revision: revision, Source: &source}, history); h != nil {
			ids[revision] = h.ID
		}
	}
	if diff := cmp.Diff(map[string]int64{"aaa": 2, "bbb": 1}, ids); diff != "" {
		t.Error(diff)
	}
}
