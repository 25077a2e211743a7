package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDeletionHooks deletes an app with hooks before and after, and with an object
// that nobody may delete unasked.
func TestDeletionHooks(t *testing.T) {
	e := newEnv(t)
	e.namespaces("gone")
	w := e.witness("gone", jobKind, configMapKind)
	repo := e.repo("gone", map[string]string{
		"pre.yaml":  hookJob("backup", "PreDelete", "localcluster.fixpoint-cd.github.io/run-for: 500ms"),
		"post.yaml": hookJob("notice", "PostDelete", ""),
		"a.yaml":    waved(0, configMap("first", "1")),
		"b.yaml":    waved(1, configMap("second", "1")),
		"c.yaml": strings.Replace(configMap("precious", "1"), "metadata: {",
			"metadata: {annotations: {argocd.argoproj.io/sync-options: Delete=confirm}, ", 1),
		"d.yaml": strings.Replace(configMap("kept", "1"), "metadata: {",
			"metadata: {annotations: {argocd.argoproj.io/sync-options: Delete=false}, ", 1),
	})
	e.apply(strings.Replace(application("gone", repo, ".", "gone"), "namespace: argocd}",
		"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
	e.synced("gone", "")
	e.eventually("the finalizers of the hooks are there", func() error {
		held := e.app("gone").GetFinalizers()
		for _, want := range []string{"pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io"} {
			if !slices.Contains(held, want) {
				return fmt.Errorf("finalizers %q", held)
			}
		}
		return nil
	})
	if err := e.absent(jobKind, "gone", "backup"); err != nil {
		t.Error(err)
	}
	e.delete(applicationKind, "argocd", "gone")
	e.eventually("what blocks the deletion is told", func() error {
		if err := e.condition(applicationKind, "argocd", "gone", "DeletionError", "", "precious"); err != nil {
			return err
		}
		return e.condition(applicationKind, "argocd", "gone", "DeletionError", "", "deletion-approved")
	})
	e.holds("gone", "precious", "key", "1")
	e.edit(applicationKind, "argocd", "gone", fmt.Sprintf(
		`{"metadata":{"annotations":{"argocd.argoproj.io/deletion-approved":%q}}}`, time.Now().UTC().Add(time.Second).Format(time.RFC3339)))
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "gone") })
	w.before(t, "Job/backup", "-ConfigMap/second", "-ConfigMap/first", "-ConfigMap/precious", "Job/notice")
	e.holds("gone", "kept", "key", "1")
}

// TestDeletionHookFails has a hook that fails before a deletion: nothing is deleted
// and the reason is told.
func TestDeletionHookFails(t *testing.T) {
	e := newEnv(t)
	e.namespaces("stays")
	repo := e.repo("stays", map[string]string{
		"pre.yaml": hookJob("backup", "PreDelete", `localcluster.fixpoint-cd.github.io/exit-code: "1"`),
		"a.yaml":   configMap("data", "1"),
	})
	e.apply(strings.Replace(application("stays", repo, ".", "stays"), "namespace: argocd}",
		"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
	e.synced("stays", "")
	e.eventually("the hook is known", func() error {
		if !slices.Contains(e.app("stays").GetFinalizers(), "pre-delete-finalizer.argocd.argoproj.io") {
			return fmt.Errorf("%v", e.app("stays").GetFinalizers())
		}
		return nil
	})
	e.delete(applicationKind, "argocd", "stays")
	e.eventually("the failure is told", func() error {
		return e.condition(applicationKind, "argocd", "stays", "DeletionError", "", "backup")
	})
	e.holds("stays", "data", "key", "1")
	e.push(repo, "repaired", map[string]string{"pre.yaml": hookJob("backup", "PreDelete", "")})
	e.edit(applicationKind, "argocd", "stays", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "stays") })
	e.eventually("its objects are gone", func() error { return e.absent(configMapKind, "stays", "data") })
}
