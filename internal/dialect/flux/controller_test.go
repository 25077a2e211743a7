package flux

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func readyReport(commit string) model.Report {
	return model.Report{
		App: appKey, Generation: 1, Ready: true, Sync: model.Synced, Snapshot: snapshot("main", commit), Applied: commit,
		Resources: []model.ResourceState{resource("ConfigMap", "a", model.Synced)},
	}
}

func TestFirstSync(t *testing.T) {
	w := newWorld(t, testObject(t, "kustomization.yaml"), testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	if w.sources.sets != 1 || w.sources.sources[repoKey].Ref.Branch != "main" {
		t.Errorf("%d subscriptions were set, the last %+v; want one of main", w.sources.sets, w.sources.sources[repoKey])
	}
	if app := w.engine.last(t); len(w.engine.puts) != 1 || app.Invalid != nil || app.Sources[0].Key != repoKey {
		t.Errorf("%d apps were put, the last %+v; want one, valid", len(w.engine.puts), app)
	}
	if k := w.kustomization(); !slices.Contains(k.Finalizers, Finalizer) {
		t.Errorf("finalizers = %v", k.Finalizers)
	}

	w.sources.found(repoKey, model.SourceState{Snapshot: snapshot("main", commitA)})
	w.c.SourceChanged(repoKey)
	w.report(readyReport(commitA))
	if got := condition(w.repository().Status.Conditions, meta.ReadyCondition); got.Status != metav1.ConditionTrue {
		t.Errorf("GitRepository Ready = %+v", got)
	}
	k := w.kustomization()
	if got := condition(k.Status.Conditions, meta.ReadyCondition); got.Message != "Applied revision: main@sha1:"+commitA {
		t.Errorf("Kustomization Ready = %+v", got)
	}
	if len(w.engine.puts) != 1 {
		t.Errorf("writing status made the app be put %d times", len(w.engine.puts))
	}
	if w.writes != 3 {
		t.Errorf("%d writes, want one finalizer and two statuses", w.writes)
	}
	want := []string{
		"Normal NewArtifact stored artifact for commit 'Subject of a'",
		"Normal ReconciliationSucceeded Reconciliation finished, next run in 5m0s map[kustomize.toolkit.fluxcd.io/revision:main@sha1:" + commitA + "]",
	}
	got := w.recorded()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}

	w.writes = 0
	w.c.SourceChanged(repoKey)
	if o, _ := w.next(); o != onlyRepo {
		t.Fatalf("%s is woken", o)
	}
	w.reconcile(onlyRepo)
	if o, ok := w.next(); ok {
		t.Errorf("a commit wakes %s: only the engine has to know", o)
	}
	w.report(readyReport(commitA))
	w.settle(onlyRepo, onlyApp)
	if got := w.recorded(); w.writes != 0 || len(got) != 0 {
		t.Errorf("with nothing changed: %d writes, events %q", w.writes, got)
	}
}

func TestGitRepositoryComesAndGoes(t *testing.T) {
	w := newWorld(t, testObject(t, "kustomization.yaml"))
	w.settle(onlyApp)
	err := w.engine.last(t).Invalid
	if !errors.Is(err, model.ErrNotFound) || !strings.Contains(err.Error(), "GitRepository flux-system/my-app-config not found") {
		t.Fatalf("without the GitRepository the app is invalid because of %v", err)
	}
	w.report(model.Report{App: appKey, Generation: 1, Stage: model.StageSpec, Err: err})
	if got := condition(w.kustomization().Status.Conditions, meta.ReadyCondition); got.Reason != meta.ArtifactFailedReason {
		t.Errorf("Ready = %+v", got)
	}

	repo := testObject(t, "gitrepository.yaml")
	if err := w.client.Create(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	w.settle(onlyRepo)
	if app := w.engine.last(t); app.Invalid != nil {
		t.Errorf("with the GitRepository the app is still invalid: %v", app.Invalid)
	}

	if err := w.client.Delete(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	w.settle(onlyRepo)
	if app := w.engine.last(t); !errors.Is(app.Invalid, model.ErrNotFound) {
		t.Errorf("after the GitRepository went the app is invalid because of %v", app.Invalid)
	}
	if _, ok := w.sources.State(repoKey); ok {
		t.Error("the subscription is still there")
	}
}

func TestGitRepositoryIsRefused(t *testing.T) {
	cloud := func(u *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(u.Object, "azure", "spec", "provider"); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, testObject(t, "kustomization.yaml"), testObject(t, "gitrepository.yaml", cloud))
	w.settle(onlyRepo, onlyApp)
	if w.sources.sets != 0 {
		t.Error("a repository whose credentials can not be got was subscribed to")
	}
	g := w.repository()
	if got := condition(g.Status.Conditions, meta.StalledCondition); got.Status != metav1.ConditionTrue || g.Status.ObservedGeneration != 1 {
		t.Errorf("Stalled = %+v, observedGeneration %d", got, g.Status.ObservedGeneration)
	}
	if err := w.engine.last(t).Invalid; err == nil || errors.Is(err, model.ErrInvalid) {
		t.Errorf("the app is invalid because of %v; want an error that passes when the GitRepository changes", err)
	}
	w.edit(g, func() { g.Spec.Provider, g.Generation = "", 2 })
	w.settle(onlyRepo)
	if w.sources.sets != 1 || w.engine.last(t).Invalid != nil {
		t.Errorf("after spec.provider went: %d subscriptions, the app is invalid because of %v", w.sources.sets, w.engine.last(t).Invalid)
	}
}

func TestRequestedAt(t *testing.T) {
	w := newWorld(t, testObject(t, "kustomization.yaml"), testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	k, g := w.kustomization(), w.repository()
	request := map[string]string{meta.ReconcileRequestAnnotation: "now"}
	w.edit(k, func() { k.Annotations = request })
	w.edit(g, func() { g.Annotations = request })
	w.settle(onlyRepo, onlyApp)
	w.settle(onlyRepo, onlyApp)
	if w.engine.refreshed != 1 || !slices.Equal(w.sources.tokens, []string{"now"}) {
		t.Errorf("%d refreshes of the app, source tokens %q; want one each", w.engine.refreshed, w.sources.tokens)
	}
	if got := w.kustomization().Status.LastHandledReconcileAt; got != "" {
		t.Errorf("handled %q before any report", got)
	}
	running := readyReport(commitA)
	running.Ready, running.Operation = false, operation(model.PhaseRunning)
	w.report(running)
	if got := w.kustomization().Status.LastHandledReconcileAt; got != "" {
		t.Errorf("handled %q while the operation is running", got)
	}
	w.report(readyReport(commitA))
	w.sources.found(repoKey, model.SourceState{Snapshot: snapshot("main", commitA), Handled: "now"})
	w.settle(onlyRepo)
	if k, g := w.kustomization().Status.LastHandledReconcileAt, w.repository().Status.LastHandledReconcileAt; k != "now" || g != "now" {
		t.Errorf("handled %q and %q, want now", k, g)
	}
}

func TestDeletion(t *testing.T) {
	policy := func(p string) func(*unstructured.Unstructured) {
		return func(u *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(u.Object, p, "spec", "deletionPolicy"); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("blocked", func(t *testing.T) {
		foreign := func(u *unstructured.Unstructured) {
			u.Object["status"] = map[string]any{"inventory": map[string]any{
				"entries": []any{map[string]any{"id": "ns_a__ConfigMap", "v": "v1"}}}}
			u.SetFinalizers([]string{Finalizer})
			if err := unstructured.SetNestedField(u.Object, "tenant", "spec", "serviceAccountName"); err != nil {
				t.Fatal(err)
			}
		}
		w := newWorld(t, testObject(t, "kustomization.yaml", foreign))
		if err := w.client.Delete(t.Context(), w.kustomization()); err != nil {
			t.Fatal(err)
		}
		w.settle(onlyApp)
		if app := w.engine.last(t); app.Deleting || app.Invalid == nil {
			t.Errorf("the engine may delete with the wrong rights: %+v", app)
		}
		k := w.kustomization()
		if k == nil {
			t.Fatal("it went and left its objects")
		}
		w.edit(k, func() { k.Spec.DeletionPolicy = "Orphan" })
		w.settle(onlyApp)
		if w.kustomization() != nil {
			t.Error("it is still there though its objects may stay")
		}
	})
	for name, tc := range map[string]struct {
		policy string
		waits  bool
	}{
		"prune":  {"MirrorPrune", true},
		"orphan": {"Orphan", false},
	} {
		t.Run(name, func(t *testing.T) {
			// The GitRepository went first: that must not be in the way.
			w := newWorld(t, testObject(t, "kustomization.yaml", policy(tc.policy)))
			w.settle(onlyApp)
			if err := w.client.Delete(t.Context(), w.kustomization()); err != nil {
				t.Fatal(err)
			}
			w.settle(onlyApp)
			if tc.waits {
				if app := w.engine.last(t); !app.Deleting || app.Invalid != nil {
					t.Errorf("the engine has %+v, want a valid app that is being deleted", app)
				}
				if w.kustomization() == nil || len(w.engine.forgotten) > 0 {
					t.Fatal("it went before its objects")
				}
				w.report(model.Report{App: appKey, Generation: 1, Deleted: true})
			}
			if w.kustomization() != nil {
				t.Error("it is still there")
			}
			if !slices.Contains(w.engine.forgotten, appKey) {
				t.Error("the engine still has the app")
			}
			for _, app := range w.engine.puts {
				if app.Deleting && !tc.waits {
					t.Error("its objects were to be deleted")
				}
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	private := func(u *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(u.Object, "git", "spec", "secretRef", "name"); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, testObject(t, "gitrepository.yaml", private))
	w.settle(onlyRepo)
	if got := condition(w.repository().Status.Conditions, meta.ReadyCondition); got.Reason != "AuthenticationFailed" ||
		!strings.Contains(got.Message, "Secret flux-system/git not found") {
		t.Errorf("Ready = %+v", got)
	}

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "git"},
		Data: map[string][]byte{"username": []byte("u"), "password": []byte("old-password")}}
	if err := w.client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.touched(secret, "Secret")
	w.settle()
	if got := w.sources.sources[repoKey].Auth.Password; got != "old-password" || w.sources.sets != 1 {
		t.Fatalf("%d subscriptions", w.sources.sets)
	}

	w.secretReads = 0
	w.touched(secret, "Secret")
	w.settle(onlyRepo)
	if w.sources.sets != 1 || w.secretReads != 0 {
		t.Error("the Secret was read although it has not changed")
	}
	w.edit(secret, func() { secret.Data["password"] = []byte("new-password") })
	w.secretReads = 0
	w.touched(secret, "Secret")
	w.settle()
	if got := w.sources.sources[repoKey].Auth.Password; got != "new-password" || w.sources.sets != 2 || w.secretReads != 1 {
		t.Errorf("%d subscriptions after the Secret has changed, want two, with the new password", w.sources.sets)
	}
	denied := model.SourceState{Err: model.As(model.ErrDenied, errors.New("401")), Checked: time.Unix(1, 0)}
	w.sources.found(repoKey, denied)
	w.settle(onlyRepo)
	denied.Checked = time.Unix(2, 0)
	w.sources.found(repoKey, denied)
	w.secretReads = 0
	w.settle(onlyRepo)
	w.settle(onlyRepo)
	if w.sources.sets != 2 || w.secretReads != 1 {
		t.Errorf("%d subscriptions, %d reads of the Secret; want it read once for a look and the same credentials not set again",
			w.sources.sets, w.secretReads)
	}
	for _, e := range w.recorded() {
		if strings.Contains(e, "-password") {
			t.Errorf("event %q shows the password", e)
		}
	}
}

// lagging is a cache that is stuck at what it saw first.
type lagging struct {
	client.Reader
	seen map[client.ObjectKey]*unstructured.Unstructured
}

func (l *lagging) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	u := obj.(*unstructured.Unstructured)
	if l.seen[key] == nil {
		if err := l.Reader.Get(ctx, key, obj, opts...); err != nil {
			return err
		}
		l.seen[key] = u.DeepCopy()
	}
	l.seen[key].DeepCopyInto(u)
	return nil
}

func TestStatusIsRightThoughTheCacheLags(t *testing.T) {
	finalized := func(u *unstructured.Unstructured) { u.SetFinalizers([]string{Finalizer}) }
	w := newWorld(t, testObject(t, "kustomization.yaml", finalized), testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	w.report(readyReport(commitA))
	w.c.apps["Kustomization"].Cache = &lagging{Reader: w.client, seen: map[client.ObjectKey]*unstructured.Unstructured{}}
	w.settle(onlyApp)

	failed := readyReport(commitA)
	failed.Ready, failed.Stage, failed.Err = false, model.StageRender, errors.New("bad YAML")
	w.report(failed)
	w.report(readyReport(commitA))
	if got := condition(w.kustomization().Status.Conditions, meta.ReadyCondition); got.Status != metav1.ConditionTrue {
		t.Errorf("Ready = %+v: computed from a status that had been replaced", got)
	}
}

func TestChangesOfReportsThatWereOvertaken(t *testing.T) {
	w := newWorld(t, testObject(t, "kustomization.yaml"), testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	for i, name := range []string{"a", "b"} {
		r := readyReport(commitA)
		r.Operation = operation(model.PhaseSucceeded, result("ConfigMap", name, model.ActionCreate))
		r.Operation.Request.ID = fmt.Sprint(i)
		w.c.Report(t.Context(), r)
		w.c.Report(t.Context(), r)
	}
	w.settle()
	if got := w.recorded(); len(got) == 0 || !strings.HasPrefix(got[0], "Normal Progressing ConfigMap/ns/a created\nConfigMap/ns/b created ") {
		t.Errorf("events = %q, want both changes, once", got)
	}
}

// Reports come from many goroutines while the controller is working; run with
// the race detector.
func TestConcurrentReports(t *testing.T) {
	w := newWorld(t, testObject(t, "kustomization.yaml"), testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				w.c.Report(t.Context(), readyReport(commitA))
				w.c.SourceChanged(repoKey)
			}
		})
	}
	for range 20 {
		w.reconcile(onlyApp)
	}
	wg.Wait()
	w.settle()
	if got := condition(w.kustomization().Status.Conditions, meta.ReadyCondition); got.Status != metav1.ConditionTrue {
		t.Errorf("Ready = %+v", got)
	}
}
