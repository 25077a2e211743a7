package e2e

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var jobKind = schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}

// ks reads a condition of a Kustomization: "status reason: message".
func (e *env) ks(name, condition string) string {
	e.t.Helper()
	for _, c := range list(e.get(kustomizationKind, "flux-system", name), "status", "conditions") {
		if c["type"] == condition {
			return fmt.Sprintf("%v %v: %v", c["status"], c["reason"], c["message"])
		}
	}
	return ""
}

// says waits until a condition of a Kustomization holds all of these texts.
func (e *env) says(name, condition string, texts ...string) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("%s of %s says %q", condition, name, texts), func() error {
		got := e.ks(name, condition)
		for _, text := range texts {
			if got == "" || !strings.Contains(got, text) {
				return errorf("it says %q: %s", got, brief(e.get(kustomizationKind, "flux-system", name)))
			}
		}
		return nil
	})
}

// setKS changes a Kustomization.
func (e *env) setKS(name, patch string) {
	e.t.Helper()
	e.edit(kustomizationKind, "flux-system", name, patch)
}

// TestInventory follows what is recorded, marked and pruned, in a target
// namespace, with prune on and off and with an object that asks to stay.
func TestInventory(t *testing.T) {
	e := newEnv(t)
	e.namespaces("inv", "inv-off")
	keeper := strings.Replace(configMap("inv-keeper", "1"), "{name: inv-keeper}",
		"{name: inv-keeper, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}", 1)
	files := map[string]string{
		"app/a.yaml": configMap("inv-a", "1"), "app/b.yaml": configMap("inv-b", "1"), "app/keeper.yaml": keeper,
	}
	repo := e.repo("inventory", files)
	e.apply(gitRepository(repo))
	e.apply(kustomization("inv", repo, "./app", "  targetNamespace: inv\n"))
	e.apply(strings.Replace(kustomization("inv-off", repo, "./app", "  targetNamespace: inv-off\n"), "prune: true", "prune: false", 1))
	e.ready("inv", "")
	e.ready("inv-off", "")
	if got := e.inventory("inv"); !slices.Equal(got, []string{"inv_inv-a__ConfigMap v1", "inv_inv-b__ConfigMap v1", "inv_inv-keeper__ConfigMap v1"}) {
		t.Errorf("inventory: %q", got)
	}
	labels := e.get(configMapKind, "inv", "inv-a").GetLabels()
	if want := map[string]string{"kustomize.toolkit.fluxcd.io/name": "inv", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}; !reflect.DeepEqual(labels, want) {
		t.Errorf("labels: %v", labels)
	}

	commit := e.push(repo, "only a", map[string]string{"app/b.yaml": "", "app/keeper.yaml": ""})
	e.eventually("pruned", func() error { return e.absent(configMapKind, "inv", "inv-b") })
	e.ready("inv", commit)
	e.ready("inv-off", commit)
	e.holds("inv", "inv-keeper", "key", "1")
	e.holds("inv-off", "inv-b", "key", "1")
	if got := e.inventory("inv"); !slices.Contains(got, "inv_inv-a__ConfigMap v1") || slices.Contains(got, "inv_inv-b__ConfigMap v1") {
		t.Errorf("inventory after pruning: %q", got)
	}

	e.delete(kustomizationKind, "flux-system", "inv")
	e.delete(kustomizationKind, "flux-system", "inv-off")
	e.eventually("gone", func() error { return e.absent(kustomizationKind, "flux-system", "inv") })
	e.eventually("gone", func() error { return e.absent(kustomizationKind, "flux-system", "inv-off") })
	if err := e.absent(configMapKind, "inv", "inv-a"); err != nil {
		t.Error(err)
	}
	e.holds("inv", "inv-keeper", "key", "1")
	e.holds("inv-off", "inv-a", "key", "1")
	e.holds("inv-off", "inv-b", "key", "1")
}

// inventory are the entries of status.inventory, as "id version".
func (e *env) inventory(name string) []string {
	e.t.Helper()
	var out []string
	for _, entry := range list(e.get(kustomizationKind, "flux-system", name), "status", "inventory", "entries") {
		out = append(out, fmt.Sprintf("%v %v", entry["id"], entry["v"]))
	}
	return out
}

// TestSuspend suspends a Kustomization: pushes and edits wait until it is resumed.
func TestSuspend(t *testing.T) {
	e := newEnv(t)
	e.namespaces("suspend")
	repo := e.repo("suspend", map[string]string{"one/a.yaml": configMap("sus-a", "1"), "two/b.yaml": configMap("sus-b", "1")})
	e.apply(gitRepository(repo))
	e.apply(kustomization("sus-one", repo, "./one", "  targetNamespace: suspend\n"))
	e.apply(kustomization("sus-two", repo, "./two", "  targetNamespace: suspend\n"))
	e.ready("sus-one", "")
	e.ready("sus-two", "")
	e.setKS("sus-one", `{"spec":{"suspend":true}}`)
	// The other one's change of its spec comes after it.
	e.setKS("sus-two", `{"spec":{"interval":"6m"}}`)
	e.status(kustomizationKind, "flux-system", "sus-two", map[string]string{"observedGeneration": "2"})

	e.edit(configMapKind, "suspend", "sus-a", `{"data":{"key":"edited"}}`)
	commit := e.push(repo, "two", map[string]string{"one/a.yaml": configMap("sus-a", "2"), "two/b.yaml": configMap("sus-b", "2")})
	e.holds("suspend", "sus-b", "key", "2")
	e.ready("sus-two", commit)
	e.edit(configMapKind, "suspend", "sus-b", `{"data":{"key":"edited"}}`)
	e.holds("suspend", "sus-b", "key", "2")
	if got, _ := e.data("suspend", "sus-a", "key"); got != "edited" {
		t.Errorf("a suspended Kustomization was worked on: key is %q", got)
	}
	if got := at(e.get(kustomizationKind, "flux-system", "sus-one"), "status", "lastAppliedRevision"); strings.HasSuffix(got, commit) {
		t.Errorf("a suspended Kustomization claims %s", got)
	}
	e.setKS("sus-one", `{"spec":{"suspend":false}}`)
	e.holds("suspend", "sus-a", "key", "2")
	e.ready("sus-one", commit)

	// A suspended source keeps its revision.
	other := e.repo("suspend-other", map[string]string{"README.md": "nothing to apply"})
	e.apply(gitRepository(other))
	e.edit(repositoryKind, "flux-system", repo, `{"spec":{"suspend":true}}`)
	// That another one was looked at which was asked for it after that is proof that it is known.
	e.edit(repositoryKind, "flux-system", other, `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"later"}}}`)
	e.status(repositoryKind, "flux-system", other, map[string]string{"lastHandledReconcileAt": "later"})
	later := e.push(repo, "three", map[string]string{"one/a.yaml": configMap("sus-a", "3")})
	e.edit(configMapKind, "suspend", "sus-a", `{"data":{"key":"edited"}}`)
	e.holds("suspend", "sus-a", "key", "2")
	e.edit(repositoryKind, "flux-system", repo, `{"spec":{"suspend":false}}`)
	e.holds("suspend", "sus-a", "key", "3")
	e.ready("sus-one", later)
}

// TestForce changes a field that can't change: without force that is a clear
// error and the object stays, with force it is made anew.
func TestForce(t *testing.T) {
	e := newEnv(t)
	e.namespaces("force")
	job := func(image string) string {
		return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: force-j}\nspec:\n  template:\n    spec: {restartPolicy: Never, containers: [{name: run, image: \"example.com/" + image + "\"}]}\n"
	}
	secret := func(kind string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: force-s}\ntype: example.com/" + kind + "\nstringData: {key: value}\n"
	}
	repo := e.repo("force", map[string]string{"d.yaml": pods("force-d", ""), "j.yaml": job("run:1"), "s.yaml": secret("a")})
	e.apply(gitRepository(repo))
	e.apply(kustomization("force", repo, "./", "  targetNamespace: force\n"))
	e.ready("force", "")
	uids := map[string]string{
		"d": string(e.get(deploymentKind, "force", "force-d").GetUID()), "j": string(e.get(jobKind, "force", "force-j").GetUID()),
	}

	e.push(repo, "immutable", map[string]string{
		"d.yaml": strings.ReplaceAll(pods("force-d", ""), "{app: force-d}", "{app: force-e}"), "j.yaml": job("run:2"),
		"s.yaml": secret("b"),
	})
	e.says("force", "Ready", "False ReconciliationFailed", "force-d", "force-j", "force-s", "immutable", "spec.force")
	if uid := string(e.get(deploymentKind, "force", "force-d").GetUID()); uid != uids["d"] {
		t.Error("the Deployment was made anew without force")
	}
	if uid := string(e.get(jobKind, "force", "force-j").GetUID()); uid != uids["j"] {
		t.Error("the Job was made anew without force")
	}
	e.setKS("force", `{"spec":{"force":true}}`)
	e.ready("force", "")
	d := e.get(deploymentKind, "force", "force-d")
	if string(d.GetUID()) == uids["d"] || at(d, "spec", "selector", "matchLabels", "app") != "force-e" {
		t.Errorf("the Deployment is %s with %v", d.GetUID(), at(d, "spec", "selector"))
	}
	if got := at(e.get(secretKind, "force", "force-s"), "type"); got != "example.com/b" {
		t.Errorf("the Secret is of type %s", got)
	}
	j := e.get(jobKind, "force", "force-j")
	if string(j.GetUID()) == uids["j"] || list(j, "spec", "template", "spec", "containers")[0]["image"] != "example.com/run:2" {
		t.Errorf("the Job is %s with %v", j.GetUID(), at(j, "spec", "template"))
	}
}

// TestRequestedAt asks for a reconcile of both kinds.
func TestRequestedAt(t *testing.T) {
	e := newEnv(t)
	e.namespaces("requested")
	repo := e.repo("requested", map[string]string{"a.yaml": configMap("req-a", "1")})
	e.apply(gitRepository(repo))
	e.apply(kustomization("requested", repo, "./", "  targetNamespace: requested\n"))
	e.ready("requested", "")
	// A push that nobody tells of: only the request can bring it in.
	commit, err := e.git.Commit(t.Context(), "myorg/"+repo, "main", "silent", map[string]*string{"a.yaml": ptr(configMap("req-a", "2"))})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"first", "second"} {
		patch := `{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"` + token + `"}}}`
		e.edit(repositoryKind, "flux-system", repo, patch)
		e.status(repositoryKind, "flux-system", repo, map[string]string{"lastHandledReconcileAt": token, "artifact.revision": "main@sha1:" + commit})
		e.setKS("requested", patch)
		e.status(kustomizationKind, "flux-system", "requested", map[string]string{"lastHandledReconcileAt": token})
	}
	e.holds("requested", "req-a", "key", "2")
	e.ready("requested", commit)
}

func ptr[T any](v T) *T { return &v }

// TestRefusedKustomization asks for what is not supported: what would go wrong
// is refused, what would only be left out is told; both by condition and event.
func TestRefusedKustomization(t *testing.T) {
	e := newEnv(t)
	e.namespaces("fluxno")
	repo := e.repo("fluxno", map[string]string{"a.yaml": configMap("no-a", "1"), "ok/b.yaml": configMap("no-b", "1")})
	e.apply(gitRepository(repo))
	for name, c := range map[string]struct{ more, text string }{
		"no-account":    {"  serviceAccountName: tenant\n", "spec.serviceAccountName"},
		"no-kubeconfig": {"  kubeConfig: {secretRef: {name: x}}\n", "spec.kubeConfig"},
		"no-decryption": {"  decryption: {provider: sops, serviceAccountName: x}\n", "spec.decryption"},
	} {
		e.apply(kustomization(name, repo, "./", "  targetNamespace: fluxno\n"+c.more))
		e.says(name, "Ready", "False InvalidSpec", c.text)
		e.says(name, "Stalled", "True InvalidSpec")
		e.event("Kustomization", "flux-system", name, "Warning", c.text)
	}
	e.apply(kustomization("no-field", repo, "./ok", "  targetNamespace: fluxno\n  healthCheckExprs: [{apiVersion: v1, kind: X, current: \"true\"}]\n"))
	e.ready("no-field", "")
	e.says("no-field", "UnsupportedFields", "spec.healthCheckExprs")
	e.event("Kustomization", "flux-system", "no-field", "Warning", "spec.healthCheckExprs")
	e.holds("fluxno", "no-b", "key", "1")
	if err := e.absent(configMapKind, "fluxno", "no-a"); err != nil {
		t.Error(err)
	}
}
