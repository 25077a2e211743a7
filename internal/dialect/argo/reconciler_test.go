package argo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// recorder is an engine and a source store that write down what they are told.
type recorder struct {
	calls    []string
	app      model.App
	source   model.Source
	requests []model.Request
	token    string // of the last look
}

func (r *recorder) note(format string, args ...any) {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
}

// take is what was written down since the last time.
func (r *recorder) take() []string {
	calls := r.calls
	r.calls = nil
	return calls
}

type fakeEngine struct{ *recorder }

func (e fakeEngine) Put(a model.App)                   { e.note("put %s", a.Key); e.app = a }
func (e fakeEngine) Forget(k model.AppKey)             { e.note("forget %s", k) }
func (e fakeEngine) Refresh(k model.AppKey, hard bool) { e.note("refresh %s %v", k, hard) }
func (e fakeEngine) RefreshFirst(k model.AppKey, hard bool, look string) {
	if e.note("refresh first %s %v", k, hard); look != e.token {
		e.note("for the look %q", look)
	}
}
func (e fakeEngine) Terminate(k model.AppKey, _ string) { e.note("terminate %s", k) }
func (e fakeEngine) Withdraw(k model.AppKey, id string) {
	if e.note("withdraw %s", k); len(e.requests) == 0 || e.requests[len(e.requests)-1].ID != id {
		e.note("which is not the last")
	}
}
func (e fakeEngine) Recorded(_ model.AppKey, mark string, phase model.Phase, endedHooks int) {
	if e.note("recorded %s %s", mark, phase); endedHooks > 0 {
		e.calls[len(e.calls)-1] += fmt.Sprintf(" %d hooks", endedHooks)
	}
}
func (e fakeEngine) Operate(_ model.AppKey, q model.Request) {
	e.note("operate %s prune=%v", q.By, q.Prune)
	e.requests = append(e.requests, q)
}

type fakeSources struct{ *recorder }

func (s fakeSources) Set(k model.SourceKey, src model.Source) { s.note("set %s", k); s.source = src }
func (s fakeSources) Remove(k model.SourceKey)                { s.note("remove %s", k) }
func (s fakeSources) Refresh(k model.SourceKey, token string) { s.note("look %s", k); s.token = token }

// bench is a Reconciler among fakes. The API server is one too: what is tested
// here does not depend on its defaults, its schema or its watches.
type bench struct {
	*recorder
	t       *testing.T
	client  client.Client
	r       *Reconciler
	events  *record.FakeRecorder
	writes  int
	now     time.Time
	tracker *Tracker
	told    [][]Cluster
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	b := &bench{recorder: &recorder{}, t: t, events: record.NewFakeRecorder(100), now: at(0), tracker: &Tracker{ControlPlaneNamespace: "argocd"}}
	b.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			b.writes++
			return c.Patch(ctx, o, p, opts...)
		},
	}).Build()
	b.r = New(Config{
		Client: b.client, Engine: fakeEngine{b.recorder}, Sources: fakeSources{b.recorder}, Recorder: b.events,
		Tracker: b.tracker, Namespaces: []string{"team-*"}, Now: func() time.Time { return b.now },
		ClustersChanged: func(c []Cluster) { b.told = append(b.told, c) },
	})
	return b
}

// restart is the bench after a restart of the controller.
func (b *bench) restart() *bench {
	again := *b
	again.recorder = &recorder{}
	again.r = New(Config{
		Client: b.client, Engine: fakeEngine{again.recorder}, Sources: fakeSources{again.recorder}, Recorder: b.events,
		Now: func() time.Time { return again.now },
	})
	return &again
}

// reconcile reconciles once and returns how many writes that took.
func (b *bench) reconcile() int {
	b.t.Helper()
	before := b.writes
	b.now = b.now.Add(time.Second)
	if _, err := b.r.Reconcile(b.t.Context(), requestFor(Key("argocd", "a"))); err != nil {
		b.t.Fatal(err)
	}
	return b.writes - before
}

// report gives a report and reconciles.
func (b *bench) report(r model.Report) int {
	b.t.Helper()
	r.Generation = 1 << 30
	b.r.Report(b.t.Context(), r)
	return b.reconcile()
}

func (b *bench) get() *unstructured.Unstructured {
	b.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.ApplicationKind)
	if err := b.client.Get(b.t.Context(), client.ObjectKey{Namespace: "argocd", Name: "a"}, u); err != nil {
		b.t.Fatal(err)
	}
	return u
}

// edit changes the Application as a user does.
func (b *bench) edit(change func(*unstructured.Unstructured)) {
	b.t.Helper()
	u := b.get()
	change(u)
	if err := b.client.Update(b.t.Context(), u); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) expect(reason string, calls ...string) {
	b.t.Helper()
	if diff := cmp.Diff(calls, b.take()); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func (b *bench) recorded() []string {
	var out []string
	for {
		select {
		case e := <-b.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func syncing(sync map[string]any) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		u.Object["operation"] = map[string]any{"initiatedBy": map[string]any{"username": "ann"}, "sync": sync}
	}
}

func TestReconcileHandsOver(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	if n := b.reconcile(); n != 0 {
		t.Errorf("%d writes before there is anything to say", n)
	}
	b.expect("the source before the app", "set argo/argocd/a", "put argo/argocd/a")
	if n := b.report(report("aaa", nil)); n != 1 {
		t.Errorf("%d writes for a new status, want 1", n)
	}
	for range 3 {
		if n := b.report(report("aaa", nil)); n != 0 {
			t.Errorf("%d writes when nothing has happened", n)
		}
	}
	b.expect("our own status is no change of the app")
	status := statusOf(b.get())
	if status.Sync.Status != "Synced" || status.Sync.Revision != "aaa" || status.Sync.ComparedTo.Source == nil {
		t.Errorf("status: %+v", status)
	}
	b.edit(func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "q", "spec", "source", "path")
	})
	b.reconcile()
	b.expect("another path is another app, of the same source", "put argo/argocd/a")
	if got := b.app.Sources[0].Render.Path; got != "q" {
		t.Errorf("path %q", got)
	}
	if _, annotations := b.tracker.Stamp(Key("argocd", "a"), model.ObjectKey{Kind: "Namespace", Name: "x"}); annotations[AnnotationTracking] != "a:/Namespace:/x" {
		t.Errorf("marks: %v", annotations)
	}
}

func TestReconcileSources(t *testing.T) {
	b := newBench(t, minimal(t, "{source: null, sources: [{repoURL: https://git.example/a, path: a}, {repoURL: https://git.example/b, ref: v}, {repoURL: https://git.example/c, path: c}]}"))
	b.reconcile()
	b.expect("every source before the app", "set argo/argocd/a", "set argo/argocd/a/1", "set argo/argocd/a/2", "put argo/argocd/a")
	b.edit(func(u *unstructured.Unstructured) {
		all, _, _ := unstructured.NestedSlice(u.Object, "spec", "sources")
		all[1].(map[string]any)["targetRevision"] = "main"
		_ = unstructured.SetNestedSlice(u.Object, all[:2], "spec", "sources")
		u.SetAnnotations(map[string]string{annotationRefresh: "hard"})
	})
	b.reconcile()
	b.expect("only what has changed, what is gone after the app no longer needs it, and every source is looked at",
		"set argo/argocd/a/1", "put argo/argocd/a", "remove argo/argocd/a/2",
		"look argo/argocd/a", "look argo/argocd/a/1", "refresh first argo/argocd/a true")
	b.report(reportOfTwo("aaa", "bbb", nil))
	status := statusOf(b.get())
	if !slices.Equal(status.Sync.Revisions, []string{"aaa", "bbb"}) || len(status.Sync.ComparedTo.Sources) != 2 || status.Sync.ComparedTo.Source != nil {
		t.Errorf("status: %+v", status.Sync)
	}
	b.edit(syncing(map[string]any{"revisions": []any{"aaa", "main"}, "sources": []any{
		map[string]any{"repoURL": "https://git.example/a", "path": "a"}, map[string]any{"repoURL": "https://git.example/b", "ref": "v", "targetRevision": "main"},
	}}))
	b.reconcile()
	b.expect("a sync of what the sources follow", "look argo/argocd/a", "look argo/argocd/a/1", "operate ann prune=false")
	if got := b.requests[0].Revision; got != "aaa," {
		t.Errorf("revision %q: what a source follows in any case is not asked for", got)
	}
	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	b.expect("every source goes", "forget argo/argocd/a", "remove argo/argocd/a", "remove argo/argocd/a/1")
}

func TestReconcileForgets(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.take()
	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	b.expect("without the finalizer the objects stay", "forget argo/argocd/a", "remove argo/argocd/a")
	b.reconcile()
	b.expect("once")
	b.r.Report(t.Context(), report("aaa", nil))
	b.reconcile()
	b.expect("a late report revives nothing")
}

func TestReconcileDeletes(t *testing.T) {
	app := minimal(t, "")
	app.SetFinalizers([]string{"example.com/other", finalizer, "post-delete-finalizer.argocd.argoproj.io/cleanup"})
	b := newBench(t, app)
	b.reconcile()
	b.take()
	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	b.expect("the engine deletes the objects first", "put argo/argocd/a")
	if !b.app.Deleting || b.app.Deletion != "Foreground" {
		t.Errorf("app: %+v", b.app)
	}
	b.report(report("aaa", func(r *model.Report) { r.Stage, r.Err = model.StageDelete, fmt.Errorf("namespace is stuck") }))
	if got := b.get().GetFinalizers(); len(got) != 3 {
		t.Errorf("finalizers %v while objects are there", got)
	}
	if got := statusOf(b.get()).Conditions; len(got) != 1 || got[0].Type != ConditionDeletion {
		t.Errorf("conditions: %+v", got)
	}
	if n := b.report(model.Report{App: Key("argocd", "a"), Deleted: true}); n != 1 {
		t.Errorf("%d writes to let it go, want 1", n)
	}
	if got := b.get().GetFinalizers(); !slices.Equal(got, []string{"example.com/other"}) {
		t.Errorf("finalizers left: %v", got)
	}
	b.take()
	b.reconcile()
	b.expect("what is left must not be synced again", "set argo/argocd/a", "put argo/argocd/a")
	if b.app.Deleting || !b.app.Suspended {
		t.Errorf("app: %+v", b.app)
	}
}

func TestReconcileDeletesWithoutCluster(t *testing.T) {
	app := minimal(t, "destination: {name: nowhere}")
	app.SetFinalizers([]string{finalizer})
	b := newBench(t, app)
	b.reconcile()
	if err := b.client.Delete(t.Context(), b.get()); err != nil {
		t.Fatal(err)
	}
	b.reconcile()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.ApplicationKind)
	if err := b.client.Get(t.Context(), client.ObjectKeyFromObject(app), u); !apierrors.IsNotFound(err) {
		t.Errorf("the Application is still there: %v", err)
	}
}

func TestReconcileRefreshes(t *testing.T) {
	for mode, hard := range map[string]bool{"normal": false, "hard": true} {
		t.Run(mode, func(t *testing.T) {
			app := minimal(t, "")
			app.SetAnnotations(map[string]string{annotationRefresh: mode, "keep": "me"})
			b := newBench(t, app)
			if n := b.reconcile(); n != 0 {
				t.Errorf("%d writes before the look is over", n)
			}
			b.expect("after the app is known", "set argo/argocd/a", "put argo/argocd/a", "look argo/argocd/a", fmt.Sprintf("refresh first argo/argocd/a %v", hard))
			b.report(report("aaa", func(r *model.Report) { r.Looked = "of another look" }))
			if b.get().GetAnnotations()[annotationRefresh] == "" {
				t.Error("the annotation is gone before the look is over")
			}
			if n := b.report(report("aaa", func(r *model.Report) { r.Looked = b.token })); n != 1 {
				t.Errorf("%d writes, want 1", n)
			}
			if diff := cmp.Diff(map[string]string{"keep": "me"}, b.get().GetAnnotations()); diff != "" {
				t.Error(diff)
			}
			b.reconcile()
			b.expect("once")
		})
	}
}

func TestReconcileOperates(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.report(report("aaa", nil))
	b.recorded()
	b.take()
	b.edit(syncing(map[string]any{"prune": true, "resources": []any{map[string]any{"kind": "ConfigMap", "name": "c"}}}))
	b.reconcile()
	b.reconcile()
	b.expect("the request is handed over once", "look argo/argocd/a", "operate ann prune=true")
	if b.get().Object["operation"] == nil {
		t.Error("the request is gone before it was taken up")
	}
	req := b.requests[0]
	if len(req.Only) != 1 || req.ID == "" {
		t.Errorf("request: %+v", req)
	}
	if n := b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 50, req) })); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	state := statusOf(b.get()).OperationState
	if b.get().Object["operation"] != nil || state == nil || state.Phase != "Running" || state.Operation.InitiatedBy.Username != "ann" {
		t.Errorf("operation %v, state %+v", b.get().Object["operation"], state)
	}
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 50, req) }))
	want := []string{"Normal OperationStarted ann initiated sync to aaa", "Normal OperationCompleted Sync operation to aaa succeeded"}
	if diff := cmp.Diff(want, b.recorded()); diff != "" {
		t.Error(diff)
	}
	b.take()
	b.edit(syncing(map[string]any{"prune": true, "resources": []any{map[string]any{"kind": "ConfigMap", "name": "c"}}}))
	b.reconcile()
	b.expect("the same request again is another one", "look argo/argocd/a", "operate ann prune=true")
	if b.requests[1].ID == req.ID {
		t.Error("both have the same ID")
	}
}

// TestReconcileWithdraws: a request that its author takes back before it is begun is not
// carried out; had it been begun, status says what it was.
func TestReconcileWithdraws(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.edit(syncing(map[string]any{"prune": true}))
	b.reconcile()
	req := b.requests[0]
	b.take()
	b.edit(func(u *unstructured.Unstructured) { delete(u.Object, "operation") })
	b.reconcile()
	b.expect("taken back", "withdraw argo/argocd/a")
	b.reconcile()
	b.expect("once")
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 5, req) }))
	b.take()
	s := statusOf(b.get()).OperationState
	if s == nil || s.Operation.Sync == nil || !s.Operation.Sync.Prune || s.Operation.InitiatedBy.Username != "ann" {
		t.Errorf("it had begun already: state %+v", s)
	}
}

// TestReconcileAddedSource: a source that comes while somebody waits for a look is looked
// at for that, too, or else the look would never be over for all.
func TestReconcileAddedSource(t *testing.T) {
	add := func(u *unstructured.Unstructured) {
		all, _, _ := unstructured.NestedSlice(u.Object, "spec", "sources")
		all = append(all, map[string]any{"repoURL": "https://git.example/more", "path": "m"})
		_ = unstructured.SetNestedSlice(u.Object, all, "spec", "sources")
	}
	spec := "{source: null, sources: [{repoURL: https://git.example/a, path: a}]}"
	for name, ask := range map[string]func(*unstructured.Unstructured){
		"sync":    syncing(map[string]any{}),
		"refresh": func(u *unstructured.Unstructured) { u.SetAnnotations(map[string]string{annotationRefresh: "normal"}) },
	} {
		b := newBench(t, minimal(t, spec))
		b.reconcile()
		b.edit(ask)
		b.reconcile()
		token := b.token
		b.take()
		b.edit(add)
		b.reconcile()
		b.expect(name, "set argo/argocd/a/1", "look argo/argocd/a/1", "put argo/argocd/a")
		if b.token != token {
			t.Errorf("%s: the look is %q, and waited for is %q", name, b.token, token)
		}
	}
	b := newBench(t, minimal(t, spec))
	b.reconcile()
	b.take()
	b.edit(add)
	b.reconcile()
	b.expect("nobody waits", "set argo/argocd/a/1", "put argo/argocd/a")
}

func TestReconcileOperationWaits(t *testing.T) {
	b := newBench(t, minimal(t, "syncPolicy: {syncOptions: [Prune=false]}"))
	b.reconcile()
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "aaa", 5, model.Request{}) }))
	b.take()
	b.edit(syncing(map[string]any{"prune": true}))
	b.reconcile()
	b.expect("an operation is running")
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 5, model.Request{}) }))
	b.expect("it has ended; what the option says is the objects' own", "look argo/argocd/a", "operate ann prune=true", "recorded 1767225605.0 Succeeded")
}

func TestReconcileOperationRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, spec string
		operation    map[string]any
		message      string
	}{
		"no sync": {"nothing is asked for", "", map[string]any{}, "operation.sync is missing: nothing is asked for"},
		"manifests": {"local manifests", "", map[string]any{"sync": map[string]any{"manifests": []any{"a"}}},
			"operation.sync.manifests is not supported: what runs is always a commit: push the manifests to a branch and sync to that (argocd app sync --revision)"},
		"revisions": {"more revisions than sources", "", map[string]any{"sync": map[string]any{"revisions": []any{"a", "b"}}}, "operation.sync.revisions has 2 revisions, and the Application 1 sources"},
		"comma":     {"several revisions in one", "", map[string]any{"sync": map[string]any{"revision": "a,b"}}, "operation.sync.revision holds a comma: use operation.sync.revisions for several sources"},
		"source":    {"a source that can't be used", "", map[string]any{"sync": map[string]any{"source": map[string]any{"repoURL": "x", "chart": "c"}}}, "operation.sync: spec.source.targetRevision is required for a chart: write its version, or * for the newest"},
		"back-off":  {"a back-off that can't be read", "", map[string]any{"sync": map[string]any{}, "retry": map[string]any{"backoff": map[string]any{"duration": "soon"}}}, `operation.retry.backoff.duration: "soon" is not a duration such as 5s or 3m`},
		"automated": {"another revision, undone at once", "syncPolicy: {automated: {}}", map[string]any{"sync": map[string]any{"revision": "v1"}},
			"cannot sync to v1: auto-sync currently set to HEAD: change targetRevision, or set spec.syncPolicy.automated.enabled to false first (argocd app set --sync-policy none)"},
		"automated sources": {"another source, undone at once", "syncPolicy: {automated: {}}", map[string]any{"sync": map[string]any{"source": map[string]any{"repoURL": "x"}}},
			"cannot sync other sources than those of spec: auto-sync is enabled: set spec.syncPolicy.automated.enabled to false first (argocd app set --sync-policy none)"},
		"invalid": {"an app that can't be worked on", "source: {repoURL: r, chart: c}", map[string]any{"sync": map[string]any{}}, "spec.source.targetRevision is required for a chart: write its version, or * for the newest"},
	} {
		t.Run(name, func(t *testing.T) {
			app := minimal(t, tc.spec)
			app.Object["operation"] = tc.operation
			b := newBench(t, app)
			b.reconcile()
			for _, call := range b.take() {
				if call == "operate Unknown user prune=false" {
					t.Errorf("%s: handed over", tc.reason)
				}
			}
			state := statusOf(b.get()).OperationState
			if state == nil || state.Phase != "Error" || state.Message != tc.message || b.get().Object["operation"] != nil {
				t.Errorf("%s: %+v", tc.reason, state)
			}
			if n := b.reconcile(); n != 0 {
				t.Errorf("%d more writes", n)
			}
		})
	}
}

func TestReconcileKeepsEveryEnd(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	b.edit(syncing(map[string]any{}))
	b.reconcile()
	req := b.requests[0]
	for _, r := range []model.Report{
		report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{}) }),
		report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 20, req) }),
		report("bbb", func(r *model.Report) { r.Operation = operation(model.PhaseRunning, "bbb", 30, model.Request{}) }),
	} {
		b.r.Report(t.Context(), r)
	}
	if n := b.reconcile(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	status := statusOf(b.get())
	var who []string
	for _, h := range status.History {
		who = append(who, fmt.Sprintf("%d %s %s", h.ID, h.Revision, h.InitiatedBy.Username))
	}
	if diff := cmp.Diff([]string{"0 aaa ", "1 aaa ann"}, who); diff != "" {
		t.Error(diff)
	}
	if status.OperationState.Phase != "Running" || b.get().Object["operation"] != nil {
		t.Errorf("state %+v, operation %v", status.OperationState, b.get().Object["operation"])
	}
	if n := b.reconcile(); n != 0 {
		t.Errorf("%d more writes", n)
	}
}

func TestReconcileStaleCache(t *testing.T) {
	b := newBench(t, minimal(t, ""))
	b.reconcile()
	old := b.get()
	b.report(report("aaa", func(r *model.Report) { r.Operation = operation(model.PhaseSucceeded, "aaa", 10, model.Request{}) }))
	if !isOlder(old.GetResourceVersion(), b.r.apps[Key("argocd", "a")].written) {
		t.Fatalf("version %s is not older than our write", old.GetResourceVersion())
	}
	b.r.apps[Key("argocd", "a")].written = "999999"
	b.take()
	if n := b.report(report("bbb", nil)); n != 0 {
		t.Errorf("%d writes over an old version", n)
	}
	b.r.apps[Key("argocd", "a")].written = ""
	if n := b.reconcile(); n != 1 {
		t.Errorf("%d writes when it has come, want 1", n)
	}
}

func TestReconcileInvalid(t *testing.T) {
	b := newBench(t, minimal(t, "source: {repoURL: https://charts.example, chart: c}"))
	if n := b.reconcile(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	b.expect("there is nothing to fetch", "put argo/argocd/a")
	status := statusOf(b.get())
	if len(status.Conditions) != 1 || status.Conditions[0].Type != ConditionInvalidSpec || status.Sync.Status != "Unknown" {
		t.Errorf("status: %+v", status)
	}
	want := []string{
		"Normal ResourceUpdated Updated sync status:  -> Unknown", "Normal ResourceUpdated Updated health status:  -> Unknown",
		"Warning InvalidSpecError spec.source.targetRevision is required for a chart: write its version, or * for the newest",
	}
	if diff := cmp.Diff(want, b.recorded()); diff != "" {
		t.Error(diff)
	}
	b.edit(func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "1.2.3", "spec", "source", "targetRevision")
	})
	b.reconcile()
	b.expect("it is repaired", "set argo/argocd/a", "put argo/argocd/a")
	b.report(report("aaa", nil))
	if status := statusOf(b.get()); len(status.Conditions) != 0 || status.Sync.Status != "Synced" {
		t.Errorf("status after the repair: %+v", status)
	}
}

func TestReconcileNamespaces(t *testing.T) {
	b := newBench(t)
	for ns, want := range map[string]bool{"argocd": true, "team-a": true, "default": false} {
		u := minimal(t, "")
		u.SetNamespace(ns)
		if err := b.client.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if _, err := b.r.Reconcile(t.Context(), requestFor(Key(ns, "a"))); err != nil {
			t.Fatal(err)
		}
		if got := len(b.take()) > 0; got != want {
			t.Errorf("namespace %s: worked on: %v", ns, got)
		}
		if got := b.r.Declares(ns); got != want {
			t.Errorf("namespace %s: Declares: %v", ns, got)
		}
	}
}

func TestReconcileSettings(t *testing.T) {
	secret := func(name, kind string, data map[string]string) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: name, Labels: map[string]string{LabelSecretType: kind}}, Data: map[string][]byte{}}
		for k, v := range data {
			s.Data[k] = []byte(v)
		}
		return s
	}
	b := newBench(t, minimal(t, "destination: {name: east}"), secret("repo", "repository", map[string]string{"url": "https://git.example/r", "password": "one"}))
	b.reconcile()
	if b.source.Auth.Password != "one" {
		t.Errorf("credentials: %#v", b.source)
	}
	if b.app.Invalid == nil {
		t.Error("the cluster is not known yet")
	}
	b.take()
	src, err := b.r.Remote(Key("argocd", "a"), model.Source{URL: "https://git.example/R.git"})
	if err != nil || src.Auth.Password != "one" || src.Kind != model.SourceGit {
		t.Errorf("remote: %#v, %v", src, err)
	}
	if _, err := b.r.Remote(Key("argocd", "b"), model.Source{URL: "https://git.example/r"}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("credentials for an app that is not known: %v", err)
	}
	if err := b.client.Create(t.Context(), secret("east", "cluster", map[string]string{"name": "east", "server": "https://east.example", "config": "{}"})); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.r.reconcileSettings(t.Context(), reconcile.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	b.reconcile()
	b.expect("the app has its cluster", "put argo/argocd/a")
	if b.app.Invalid != nil || b.app.Target != "https://east.example" {
		t.Errorf("app: %+v", b.app)
	}
	if len(b.told) != 2 || len(b.told[0]) != 0 || len(b.told[1]) != 1 || b.told[1][0].Config.Host != "https://east.example" {
		t.Errorf("clusters: %v", b.told)
	}
	if got := b.r.Clusters(); len(got) != 1 || got[0].Name != "east" {
		t.Errorf("clusters: %v", got)
	}
}

func TestReconcileKeepsUnknownStatus(t *testing.T) {
	app := minimal(t, "")
	app.Object["status"] = map[string]any{
		"sourceHydrator": map[string]any{"currentOperation": map[string]any{"phase": "Hydrated"}},
		"conditions":     []any{map[string]any{"type": "SyncError", "message": "old"}},
	}
	b := newBench(t, app)
	b.reconcile()
	b.report(report("aaa", nil))
	status, _ := b.get().Object["status"].(map[string]any)
	if status["sourceHydrator"] == nil || status["conditions"] != nil {
		t.Errorf("status: %v", status)
	}
}

// TestAwaitedReports: reports that somebody waits for are written first.
func TestAwaitedReports(t *testing.T) {
	op := func(by string, phase model.Phase) *model.Operation {
		return &model.Operation{Request: model.Request{ID: "1", By: by}, Phase: phase, Started: at(1)}
	}
	tests := map[string]struct {
		before, now model.Report
		want        bool
	}{
		"the first":                {now: model.Report{}},
		"a new revision":           {now: model.Report{Snapshot: &model.Snapshot{Revision: "c2"}}},
		"a refresh is over":        {now: model.Report{Looked: "normal/1"}, want: true},
		"it was told":              {before: model.Report{Looked: "normal/1"}, now: model.Report{Looked: "normal/1"}},
		"a sync has begun":         {now: model.Report{Operation: op("somebody", model.PhaseRunning)}, want: true},
		"a sync has ended":         {model.Report{Operation: op("somebody", model.PhaseRunning)}, model.Report{Operation: op("somebody", model.PhaseSucceeded)}, true},
		"it had ended":             {before: model.Report{Operation: op("somebody", model.PhaseFailed)}, now: model.Report{Operation: op("somebody", model.PhaseFailed)}},
		"an automated sync begins": {now: model.Report{Operation: op("", model.PhaseRunning)}},
	}
	for name, tt := range tests {
		e := &entry{}
		e.take(tt.before)
		if got := e.take(tt.now); got != tt.want {
			t.Errorf("%s: awaited %t, want %t", name, got, tt.want)
		}
	}
}
