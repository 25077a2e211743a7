package e2e

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var crdKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// definition is a CustomResourceDefinition of a namespaced kind with any content.
func definition(group, kind string) string {
	plural := strings.ToLower(kind) + "s"
	return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ` + plural + "." + group + `}
spec:
  group: ` + group + `
  scope: Namespaced
  names: {kind: ` + kind + ", plural: " + plural + `}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`
}

// custom is an object of such a kind.
func custom(group, kind, name string) string {
	return "apiVersion: " + group + "/v1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: {size: 1}\n"
}

// TestOptionSkipDryRunOnMissingResource declares an object whose kind comes later:
// without the option a sync fails, with it what can be tried is tried, and a sync
// waits for the kind.
func TestOptionSkipDryRunOnMissingResource(t *testing.T) {
	e := newEnv(t)
	const group = "missing.options.example.com"
	gadget := custom(group, "Gadget", "g")
	repo := e.repo("opt-missing", map[string]string{
		"without/a.yaml": configMap("without", "1"), "without/g.yaml": gadget,
		"with/a.yaml": configMap("with", "1"), "with/g.yaml": asking(strings.Replace(gadget, "name: g", "name: skipping", 1), "SkipDryRunOnMissingResource=true"),
	})
	e.apply(manual("opt-missing", repo, "without", "opt-missing"))
	e.apply(manual("opt-missing-skip", repo, "with", "opt-missing"))
	for _, name := range []string{"opt-missing", "opt-missing-skip"} {
		e.shows(name, map[string]string{"sync.status": "OutOfSync"})
	}
	o := e.operate("opt-missing", "dry", `{"dryRun":true}`, "Failed")
	if got := outcome(o, "g"); !strings.HasPrefix(got, "SyncFailed") || !strings.Contains(got, "Gadget") {
		t.Errorf("g: %s", got)
	}
	o = e.operate("opt-missing-skip", "dry", `{"dryRun":true}`, "Succeeded")
	if got := outcome(o, "skipping"); !strings.Contains(got, "Gadget") {
		t.Errorf("skipping: %s", got)
	}
	// As an option of the request.
	e.operate("opt-missing", "dry with option", `{"dryRun":true,"syncOptions":["SkipDryRunOnMissingResource=true"]}`, "Succeeded")
	if err := e.absent(configMapKind, "opt-missing", "with"); err != nil {
		t.Error(err)
	}

	e.edit(applicationKind, "argocd", "opt-missing-skip", `{"operation":{"initiatedBy":{"username":"real"},"sync":{}}}`)
	e.operation("opt-missing-skip", "Running", "Gadget")
	e.holds("opt-missing", "with", "key", "1")
	e.apply(definition(group, "Gadget"))
	t.Cleanup(func() { e.delete(crdKind, "", "gadgets."+group) })
	e.operation("opt-missing-skip", "Succeeded")
	e.shows("opt-missing-skip", map[string]string{"sync.status": "Synced"})
}
