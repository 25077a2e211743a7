package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestOptionSkip declares an object as one that is never applied: it is not made, and
// one that is there stays as it is.
func TestOptionSkip(t *testing.T) {
	e := newEnv(t)
	skip := func(name, value string) string {
		return noting(configMap(name, value), "argocd.argoproj.io/hook: Skip")
	}
	repo := e.repo("opt-skip", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1"), "never.yaml": skip("never", "1")})
	e.apply(application("opt-skip", repo, ".", "opt-skip"))
	e.done("opt-skip", "")
	if err := e.absent(configMapKind, "opt-skip", "never"); err != nil {
		t.Error(err)
	}
	commit := e.push(repo, "skipped", map[string]string{"a.yaml": configMap("a", "2"), "b.yaml": skip("b", "2")})
	e.done("opt-skip", commit)
	e.holds("opt-skip", "a", "key", "2")
	e.holds("opt-skip", "b", "key", "1")
	commit = e.push(repo, "not skipped", map[string]string{"b.yaml": configMap("b", "3"), "never.yaml": configMap("never", "3")})
	e.done("opt-skip", commit)
	e.holds("opt-skip", "b", "key", "3")
	e.holds("opt-skip", "never", "key", "3")
}

// TestOptionTurns makes a hook of an object, and an object of a hook: each is then
// what it is declared as, is repaired or is not, and goes when it leaves Git.
func TestOptionTurns(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-turns")
	hook := func(name, value string) string {
		return noting(configMap(name, value), "argocd.argoproj.io/hook: PreSync")
	}
	repo := e.repo("opt-turns", map[string]string{
		"keep.yaml": configMap("keep", "1"), "plain.yaml": configMap("plain", "1"), "hook.yaml": hook("hook", "1"), "pod.yaml": hookPod("pod", "PreSync"),
	})
	w := e.witness("opt-turns", configMapKind, podKind)
	e.apply(application("opt-turns", repo, ".", "opt-turns"))
	e.done("opt-turns", "")
	commit := e.push(repo, "turned", map[string]string{"plain.yaml": hook("plain", "2"), "hook.yaml": configMap("hook", "2"), "keep.yaml": configMap("keep", "2")})
	e.done("opt-turns", commit)
	e.holds("opt-turns", "plain", "key", "2")
	e.holds("opt-turns", "hook", "key", "2")
	if got := hookResult(e.app("opt-turns"), "plain"); got != "PreSync Succeeded" {
		t.Errorf("plain, which is a hook now: %q", got)
	}
	if n := w.count("ConfigMap/plain", 2); n != 2 {
		t.Errorf("plain was made %d times, want once as an object and once as a hook", n)
	}
	o := e.get(configMapKind, "opt-turns", "hook")
	if slices.Contains(o.GetFinalizers(), model.HookFinalizer) || o.GetAnnotations()[model.AnnotationOperation] != "" {
		t.Errorf("hook, which is none now, is marked as one: %v %v", o.GetFinalizers(), o.GetAnnotations())
	}
	e.edit(configMapKind, "opt-turns", "hook", `{"data":{"key":"edited"}}`)
	e.holds("opt-turns", "hook", "key", "2")
	e.synced("opt-turns", commit)

	commit = e.push(repo, "less", map[string]string{"plain.yaml": "", "hook.yaml": "", "keep.yaml": configMap("keep", "3")})
	e.done("opt-turns", commit)
	if err := e.absent(configMapKind, "opt-turns", "hook"); err != nil {
		t.Error(err)
	}
	if got := w.count("-Pod/pod", 1); got == 0 {
		t.Error("the hook that stayed in Git was not made anew")
	}
}

// TestOptionRetryHooks repeats a sync whose hook fails: the hook runs once for each
// attempt, and what follows it never comes.
func TestOptionRetryHooks(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-retryhooks")
	w := e.witness("opt-retryhooks", podKind)
	repo := e.repo("opt-retryhooks", map[string]string{
		"pre.yaml": hookPod("pre", "PreSync", `localcluster.fixpoint-cd.github.io/exit-code: "3"`), "a.yaml": configMap("a", "1"),
		"fail.yaml": hookPod("fail", "SyncFail"),
	})
	e.apply(strings.Replace(application("opt-retryhooks", repo, ".", "opt-retryhooks"), "retry: {limit: 5, backoff: {duration: 1s,", "retry: {limit: 2, backoff: {duration: 100ms,", 1))
	o := e.operation("opt-retryhooks", "Failed", "pre")
	if got := at(o, "status", "operationState", "retryCount"); got != "2" {
		t.Errorf("retryCount is %s", got)
	}
	if pre, fail := w.count("Pod/pre", 3), w.count("Pod/fail", 3); pre != 3 || fail != 3 {
		t.Errorf("in three attempts the hook was made %d times, and the one of the failure %d times", pre, fail)
	}
	if err := e.absent(configMapKind, "opt-retryhooks", "a"); err != nil {
		t.Error(err)
	}
}

// TestOptionConfirmEnds ends a sync that waits for an agreement: by a commit that
// declares the object again, and by hand.
func TestOptionConfirmEnds(t *testing.T) {
	e := newEnv(t)
	precious := asking(configMap("precious", "1"), "Prune=confirm")
	repo := e.repo("opt-confirmends", map[string]string{"keep.yaml": configMap("keep", "1"), "precious.yaml": precious})
	e.apply(application("opt-confirmends", repo, ".", "opt-confirmends"))
	e.done("opt-confirmends", "")
	e.push(repo, "less", map[string]string{"precious.yaml": ""})
	e.operation("opt-confirmends", "Running", "deletion-approved")
	commit := e.push(repo, "back", map[string]string{"precious.yaml": precious, "keep.yaml": configMap("keep", "2")})
	e.done("opt-confirmends", commit)
	e.holds("opt-confirmends", "precious", "key", "1")

	e.push(repo, "less again", map[string]string{"precious.yaml": ""})
	e.operation("opt-confirmends", "Running", "deletion-approved")
	e.edit(applicationKind, "argocd", "opt-confirmends", `{"status":{"operationState":{"phase":"Terminating"}}}`)
	e.operation("opt-confirmends", "Failed", "terminated")
	e.edit(applicationKind, "argocd", "opt-confirmends", fmt.Sprintf(
		`{"metadata":{"annotations":{"argocd.argoproj.io/deletion-approved":%q}}}`, time.Now().UTC().Add(time.Second).Format(time.RFC3339)))
	e.shows("opt-confirmends", map[string]string{"operationState.phase": "Failed", "sync.status": "OutOfSync"})
	e.holds("opt-confirmends", "precious", "key", "1")
}

// TestOptionDelete deletes apps whose objects all stay, or ask first, by the app's
// word; an object's own word counts more.
func TestOptionDelete(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-delete", map[string]string{
		"plain.yaml": configMap("plain", "1"), "goes.yaml": asking(configMap("goes", "1"), "Delete=true"),
	})
	for _, word := range []string{"false", "confirm"} {
		e.apply(strings.Replace(optioned(application("opt-delete-"+word, repo, ".", "opt-delete-"+word), "Delete="+word), "namespace: argocd}",
			"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
		e.done("opt-delete-"+word, "")
		e.delete(applicationKind, "argocd", "opt-delete-"+word)
	}
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "opt-delete-false") })
	e.warns("opt-delete-confirm", "DeletionError", "plain", "deletion-approved")
	for _, word := range []string{"false", "confirm"} {
		e.eventually("goes is gone", func() error { return e.absent(configMapKind, "opt-delete-"+word, "goes") })
		e.holds("opt-delete-"+word, "plain", "key", "1")
	}
	e.edit(applicationKind, "argocd", "opt-delete-confirm", fmt.Sprintf(
		`{"metadata":{"annotations":{"argocd.argoproj.io/deletion-approved":%q}}}`, time.Now().UTC().Add(time.Second).Format(time.RFC3339)))
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "opt-delete-confirm") })
	if err := e.absent(configMapKind, "opt-delete-confirm", "plain"); err != nil {
		t.Error(err)
	}
}
