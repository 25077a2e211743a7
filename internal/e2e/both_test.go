package e2e

import (
	"testing"
)

// TestBothDialects applies the two manifests that users bring, unedited, to one
// repository: the objects are those of both, and both come to rest.
func TestBothDialects(t *testing.T) {
	e := newEnv(t)
	files := myApp("blue")
	files["overlays/production/kustomization.yaml"] = "namespace: my-app\nresources: [../../base, namespace.yaml]\n"
	files["overlays/production/namespace.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: my-app}\n"
	repo := e.repo("my-app-config", files)
	e.apply(gitRepository("my-app-config"))
	e.apply(issueKustomization)
	e.apply(issueApplication)
	e.synced("my-app", "")
	e.ready("my-app", "")

	commit := e.push(repo, "green", map[string]string{"base/settings.yaml": myApp("green")["base/settings.yaml"]})
	e.synced("my-app", commit)
	e.ready("my-app", commit)
	e.holds("my-app", "settings", "color", "green")
	e.delete(configMapKind, "my-app", "settings")
	e.holds("my-app", "settings", "color", "green")
	e.edit(configMapKind, "my-app", "settings", `{"data":{"color":"red"}}`)
	e.holds("my-app", "settings", "color", "green")

	commit = e.push(repo, "no service", map[string]string{
		"base/kustomization.yaml": "resources: [deployment.yaml, settings.yaml]\n", "base/service.yaml": "",
	})
	e.eventually("pruned", func() error { return e.absent(serviceKind, "my-app", "my-app") })
	e.synced("my-app", commit)
	e.ready("my-app", commit)
}

// TestDialectsDisagree has an Application and a Kustomization declare one object
// with different values: the one that came later says so and changes nothing.
func TestDialectsDisagree(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("disagree", map[string]string{
		"one/x.yaml": configMap("x", "one"), "two/x.yaml": configMap("x", "two"), "two/own.yaml": configMap("own", "1"),
	})
	e.apply(application("disagree", repo, "one", "disagree"))
	e.synced("disagree", "")
	e.apply(gitRepository(repo))
	e.apply(kustomization("disagree", repo, "./two", "  targetNamespace: disagree\n"))
	e.holds("disagree", "own", "key", "1")
	e.eventually("the Kustomization says so", func() error {
		return e.condition(kustomizationKind, "flux-system", "disagree", "Ready", "False", "another app declares it too")
	})
	e.holds("disagree", "x", "key", "one")
	e.synced("disagree", "")

	commit := e.push(repo, "they agree", map[string]string{"two/x.yaml": configMap("x", "one")})
	e.synced("disagree", commit)
	e.ready("disagree", commit)
	e.holds("disagree", "x", "key", "one")
}
