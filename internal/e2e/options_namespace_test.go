package e2e

import (
	"strings"
	"testing"
)

// TestOptionCreateNamespace creates a namespace with managedNamespaceMetadata: it is
// kept so, follows what is declared, keeps what others add, and stays when the app
// goes. Without that field an existing one is not touched.
func TestOptionCreateNamespace(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-namespace", map[string]string{"a.yaml": configMap("a", "1"), "pre.yaml": waved(-3, hookPod("pre", "PreSync"))})
	app := func(metadata string) string {
		return strings.Replace(strings.Replace(application("opt-namespace", repo, ".", "opt-namespace"),
			"    retry:", "    managedNamespaceMetadata: "+metadata+"\n    retry:", 1),
			"namespace: argocd}", "namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1)
	}
	has := func(want any, path ...string) {
		t.Helper()
		e.eventually("the namespace has "+strings.Join(path, "."), func() error {
			return e.field(namespaceKind, "", "opt-namespace", want, append([]string{"metadata"}, path...)...)
		})
	}
	e.apply(app(`{labels: {team: red, tier: web}, annotations: {note: one}}`))
	e.done("opt-namespace", "")
	has("red", "labels", "team")
	has("one", "annotations", "note")
	if r := resource(e.app("opt-namespace"), "Namespace", "opt-namespace"); r["status"] != "Synced" || r["requiresPruning"] != nil {
		t.Errorf("the namespace is shown as %v", r)
	}
	if got := at(e.app("opt-namespace"), "status", "operationState", "syncResult", "managedNamespaceMetadata", "labels", "team"); got != "red" {
		t.Errorf("managedNamespaceMetadata in the result: %q", got)
	}

	e.edit(namespaceKind, "", "opt-namespace", `{"metadata":{"labels":{"team":"theirs","added":"by-somebody"}}}`)
	has("red", "labels", "team")
	has("by-somebody", "labels", "added")
	e.synced("opt-namespace", "")

	e.apply(app(`{labels: {team: green}}`))
	has("green", "labels", "team")
	has(nil, "labels", "tier")
	has(nil, "annotations", "note")
	has("by-somebody", "labels", "added")
	e.synced("opt-namespace", "")

	e.namespaces("opt-namespace-there")
	e.apply(application("opt-namespace-there", repo, ".", "opt-namespace-there"))
	before := e.get(namespaceKind, "", "opt-namespace-there").GetResourceVersion()
	e.done("opt-namespace-there", "")
	if after := e.get(namespaceKind, "", "opt-namespace-there").GetResourceVersion(); after != before {
		t.Error("a namespace that was there was written")
	}

	e.delete(applicationKind, "argocd", "opt-namespace")
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "opt-namespace") })
	if err := e.absent(configMapKind, "opt-namespace", "a"); err != nil {
		t.Error(err)
	}
	if at(e.get(namespaceKind, "", "opt-namespace"), "metadata", "deletionTimestamp") != "" {
		t.Error("the namespace went with the app")
	}
}

// TestOptionNoNamespace has no CreateNamespace=true: what is in the way is told, and
// the option, given for one sync, helps. managedNamespaceMetadata alone warns.
func TestOptionNoNamespace(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-nonamespace", map[string]string{"a.yaml": configMap("a", "1")})
	text := strings.Replace(manual("opt-nonamespace", repo, ".", "opt-nonamespace"), "    syncOptions: [CreateNamespace=true]\n",
		"    managedNamespaceMetadata: {labels: {a: b}}\n", 1)
	e.apply(text)
	e.warns("opt-nonamespace", "UnsupportedFieldWarning", "managedNamespaceMetadata", "CreateNamespace=true")
	e.shows("opt-nonamespace", map[string]string{"sync.status": "OutOfSync"})
	o := e.operate("opt-nonamespace", "without", `{}`, "Failed")
	if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "CreateNamespace=true") {
		t.Errorf("message: %s", got)
	}
	o = e.operate("opt-nonamespace", "dry", `{"dryRun":true,"syncOptions":["CreateNamespace=true"]}`, "Succeeded")
	if got := outcome(o, "opt-nonamespace"); got != "Synced: namespace/opt-nonamespace created (dry run)" {
		t.Errorf("the namespace in a dry run: %s", got)
	}
	if err := e.absent(namespaceKind, "", "opt-nonamespace"); err != nil {
		t.Error(err)
	}
	e.operate("opt-nonamespace", "part", `{"resources":[{"kind":"ConfigMap","name":"a"}],"syncOptions":["CreateNamespace=true"]}`, "Succeeded")
	e.holds("opt-nonamespace", "a", "key", "1")
}
