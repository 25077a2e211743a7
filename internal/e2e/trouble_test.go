package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestBadManifest pushes a broken file: both dialects say so where it is, and
// what was applied stays, complete and kept up.
func TestBadManifest(t *testing.T) {
	e := newEnv(t)
	good := map[string]string{"apps/a.yaml": configMap("bad-a", "1"), "apps/b.yaml": configMap("bad-b", "1")}
	repo := e.repo("bad", good)
	e.apply(application("bad", repo, "apps", "bad-argo"))
	e.namespaces("bad-flux")
	e.apply(gitRepository(repo))
	e.apply(kustomization("bad", repo, "./apps", "  targetNamespace: bad-flux\n"))
	e.synced("bad", "")
	e.ready("bad", "")

	e.push(repo, "broken", map[string]string{"apps/a.yaml": "", "apps/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n"})
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "bad", "ComparisonError", "", "b.yaml")
	})
	e.eventually("Kustomization says so", func() error {
		return e.condition(kustomizationKind, "flux-system", "bad", "Ready", "False", "b.yaml")
	})
	// The last good state is kept up, and nothing is pruned.
	for _, ns := range []string{"bad-argo", "bad-flux"} {
		e.edit(configMapKind, ns, "bad-b", `{"data":{"key":"edited"}}`)
		e.holds(ns, "bad-b", "key", "1")
		e.holds(ns, "bad-a", "key", "1")
	}

	commit := e.push(repo, "repaired", map[string]string{"apps/b.yaml": configMap("bad-b", "2")})
	e.synced("bad", commit)
	e.ready("bad", commit)
	for _, ns := range []string{"bad-argo", "bad-flux"} {
		e.holds(ns, "bad-b", "key", "2")
		e.eventually("pruned", func() error { return e.absent(configMapKind, ns, "bad-a") })
	}
}

// TestRepositoryGone stops the Git server: the error is shown, what was applied
// is kept up, and a restart meanwhile changes nothing of that.
func TestRepositoryGone(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("gone", map[string]string{"a.yaml": configMap("gone-a", "1")})
	e.namespaces("gone-flux")
	e.apply(application("gone", repo, ".", "gone-argo"))
	e.apply(gitRepository(repo))
	e.apply(kustomization("gone", repo, "./", "  targetNamespace: gone-flux\n"))
	e.synced("gone", "")
	e.ready("gone", "")

	e.git.Stop()
	e.notify(repo)
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "gone", "ComparisonError", "", repo)
	})
	e.eventually("GitRepository says so", func() error {
		return e.condition(repositoryKind, "flux-system", repo, "Ready", "False", repo)
	})
	heals := func() {
		for _, ns := range []string{"gone-argo", "gone-flux"} {
			e.delete(configMapKind, ns, "gone-a")
			e.holds(ns, "gone-a", "key", "1")
		}
	}
	heals()
	e.stopController()
	e.startController()
	heals()

	e.eventually("the Git server is back at its port, which a connection may have for a moment", e.git.Start)
	commit := e.push(repo, "back", map[string]string{"a.yaml": configMap("gone-a", "2")})
	e.synced("gone", commit)
	e.ready("gone", commit)
	e.holds("gone-argo", "gone-a", "key", "2")
}

// TestSharedObject has two apps declare one object: the first keeps it, the
// second says so, neither touches it any more; when the first lets go, the
// second takes over without the object being deleted.
func TestSharedObject(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("shared", map[string]string{
		"one/x.yaml": configMap("shared-x", "one"), "one/own.yaml": configMap("own-one", "1"),
		"two/x.yaml": configMap("shared-x", "two"), "two/own.yaml": configMap("own-two", "1"),
	})
	e.apply(application("shared-one", repo, "one", "shared"))
	e.synced("shared-one", "")
	e.apply(application("shared-two", repo, "two", "shared"))
	for _, name := range []string{"shared-one", "shared-two"} {
		e.eventually(name+" warns", func() error {
			return e.condition(applicationKind, "argocd", name, "SharedResourceWarning", "", "shared-x")
		})
	}
	e.holds("shared", "own-two", "key", "1")
	x := e.get(configMapKind, "shared", "shared-x")
	e.synced("shared-one", "")
	e.holds("shared", "shared-x", "key", "one")

	e.push(repo, "one lets go", map[string]string{"one/x.yaml": ""})
	e.holds("shared", "shared-x", "key", "two")
	e.synced("shared-two", "")
	if now := e.get(configMapKind, "shared", "shared-x"); now.GetUID() != x.GetUID() {
		t.Error("the object was deleted and created anew")
	}
}

// TestDeleteApp deletes apps with and without the finalizer.
func TestDeleteApp(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("deleted", map[string]string{"a.yaml": configMap("deleted-a", "1")})
	e.namespaces("deleted-flux")
	e.apply(application("deleted-keeps", repo, ".", "deleted-keeps"))
	e.apply(strings.Replace(application("deleted-cascades", repo, ".", "deleted-cascades"), "namespace: argocd}",
		"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
	e.apply(gitRepository(repo))
	e.apply(kustomization("deleted", repo, "./", "  targetNamespace: deleted-flux\n"))
	e.synced("deleted-keeps", "")
	e.synced("deleted-cascades", "")
	e.ready("deleted", "")

	e.delete(applicationKind, "argocd", "deleted-keeps")
	e.delete(applicationKind, "argocd", "deleted-cascades")
	e.delete(kustomizationKind, "flux-system", "deleted")
	e.eventually("gone", func() error {
		return errors.Join(e.absent(applicationKind, "argocd", "deleted-keeps"),
			e.absent(applicationKind, "argocd", "deleted-cascades"), e.absent(kustomizationKind, "flux-system", "deleted"))
	})
	for _, ns := range []string{"deleted-cascades", "deleted-flux"} {
		if err := e.absent(configMapKind, ns, "deleted-a"); err != nil {
			t.Error(err)
		}
	}
	e.holds("deleted-keeps", "deleted-a", "key", "1")
}

// TestNamespaceStuck has a namespace that can't finish its deletion: the app
// says what it waits for, writes nothing in vain, and goes on when it is gone.
func TestNamespaceStuck(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("stuck", map[string]string{"a.yaml": configMap("stuck-a", "1")})
	e.apply(application("stuck", repo, ".", "stuck"))
	e.synced("stuck", "")

	e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: holder, namespace: stuck, finalizers: [example.com/hold]}\n")
	e.delete(namespaceKind, "", "stuck")
	e.eventually("says what it waits for", func() error {
		o := e.get(applicationKind, "argocd", "stuck")
		if text := fmt.Sprint(o.Object["status"]); !strings.Contains(text, "is being deleted") {
			return fmt.Errorf("status: %s", brief(o))
		}
		return nil
	})
	before, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	commit := e.push(repo, "meanwhile", map[string]string{"a.yaml": configMap("stuck-a", "2")})
	e.eventually("the commit has been compared", func() error {
		return e.field(applicationKind, "argocd", "stuck", commit, "status", "sync", "revision")
	})
	after, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	if n := after.since(before)["APPLY configmaps"]; n != 0 {
		t.Errorf("%v writes into a namespace that is being deleted", n)
	}

	r, err := e.cluster.kind(configMapKind, "stuck")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Patch(t.Context(), "holder", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	e.holds("stuck", "stuck-a", "key", "2")
	e.synced("stuck", commit)
}

// TestCustomResources declares a CRD and an object of it in one commit, and an
// object of a kind and of a version that nobody serves: they hinder nothing else.
func TestCustomResources(t *testing.T) {
	e := newEnv(t)
	crd := `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.e2e.example.com}
spec:
  group: e2e.example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`
	widget := "apiVersion: e2e.example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n"
	repo := e.repo("crds", map[string]string{"crd.yaml": crd, "a-widget.yaml": widget})
	e.apply(application("crds", repo, ".", "crds"))
	e.synced("crds", "")
	widgetKind := schema.GroupVersionKind{Group: "e2e.example.com", Version: "v1", Kind: "Widget"}
	if err := e.field(widgetKind, "crds", "w", int64(1), "spec", "size"); err != nil {
		t.Error(err)
	}
	e.delete(widgetKind, "crds", "w")
	e.eventually("restored", func() error { return e.field(widgetKind, "crds", "w", int64(1), "spec", "size") })

	commit := e.push(repo, "unknown", map[string]string{
		"ok.yaml":      configMap("crds-ok", "1"),
		"unknown.yaml": "apiVersion: nobody.example.com/v1\nkind: Gadget\nmetadata: {name: g}\n",
		"version.yaml": "apiVersion: apps/v1beta9\nkind: Deployment\nmetadata: {name: old}\nspec: {}\n",
	})
	e.holds("crds", "crds-ok", "key", "1")
	e.eventually("says what is unknown", func() error {
		o := e.get(applicationKind, "argocd", "crds")
		text := fmt.Sprint(o.Object["status"])
		for _, want := range []string{"Gadget", "nobody.example.com/v1", "apps/v1beta9", "serves Deployment as apps/v1"} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("no %q in the status: %s", want, brief(o))
			}
		}
		return e.field(applicationKind, "argocd", "crds", commit, "status", "sync", "revision")
	})

	// The kind appears later: no hand is needed.
	e.push(repo, "no old version", map[string]string{"version.yaml": ""})
	later := strings.NewReplacer("widgets", "gadgets", "Widget", "Gadget", "e2e.example.com", "nobody.example.com").Replace(crd)
	e.apply(later)
	e.synced("crds", "")
	t.Cleanup(func() {
		r, err := e.cluster.kind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"widgets.e2e.example.com", "gadgets.nobody.example.com"} {
			_ = r.Delete(context.Background(), name, metav1.DeleteOptions{})
		}
	})
}

// TestEmptySource removes every manifest: nothing is deleted without an explicit
// permission.
func TestEmptySource(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("empty", map[string]string{"apps/a.yaml": configMap("empty-a", "1"), "apps/README": "x"})
	e.namespaces("empty-flux")
	e.apply(application("empty", repo, "apps", "empty-argo"))
	e.apply(gitRepository(repo))
	e.apply(kustomization("empty", repo, "./apps", "  targetNamespace: empty-flux\n"))
	e.synced("empty", "")
	e.ready("empty", "")

	e.push(repo, "nothing left", map[string]string{"apps/a.yaml": ""})
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "empty", "SyncError", "", "")
	})
	e.eventually("Kustomization says so", func() error {
		return e.condition(kustomizationKind, "flux-system", "empty", "Ready", "False", "")
	})
	e.holds("empty-argo", "empty-a", "key", "1")
	e.holds("empty-flux", "empty-a", "key", "1")
	e.apply(strings.Replace(application("empty", repo, "apps", "empty-argo"), "selfHeal: true}", "selfHeal: true, allowEmpty: true}", 1))
	e.eventually("pruned when permitted", func() error { return e.absent(configMapKind, "empty-argo", "empty-a") })
	e.holds("empty-flux", "empty-a", "key", "1")
}

// TestNamespaceMissing has an app write into a namespace that nobody has made:
// it says so, and goes on by itself when somebody makes it.
func TestNamespaceMissing(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("nowhere", map[string]string{"a.yaml": configMap("nowhere-a", "1")})
	e.apply(strings.Replace(application("nowhere", repo, ".", "nowhere"), "    syncOptions: [CreateNamespace=true]\n", "", 1))
	e.apply(gitRepository(repo))
	e.apply(kustomization("nowhere", repo, "./", "  targetNamespace: nowhere-flux\n"))
	e.eventually("Application says so", func() error {
		return e.condition(applicationKind, "argocd", "nowhere", "SyncError", "", `namespace "nowhere" does not exist`)
	})
	e.eventually("Kustomization says so", func() error {
		return e.condition(kustomizationKind, "flux-system", "nowhere", "Ready", "False", `namespace "nowhere-flux" does not exist`)
	})
	e.namespaces("nowhere", "nowhere-flux")
	e.synced("nowhere", "")
	e.ready("nowhere", "")
}
