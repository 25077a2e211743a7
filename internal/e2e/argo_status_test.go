package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// pods is a Deployment whose pods bear these annotations of the stand-in kubelet.
func pods(name, annotations string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 1
  progressDeadlineSeconds: 600
  selector: {matchLabels: {app: %s}}
  template:
    metadata: {labels: {app: %s}, annotations: {%s}}
    spec: {containers: [{name: web, image: "example.com/web:1"}]}
`, name, name, name, annotations)
}

const (
	looping = `localcluster.fixpoint-cd.github.io/crash-loop: "true"`
	never   = `localcluster.fixpoint-cd.github.io/ready-after: "10h"`
)

// release lets the pod whose name begins so become ready, which never would have.
func (e *env) release(namespace, prefix string) {
	e.t.Helper()
	e.eventually("the pod of "+prefix, func() error {
		if e.named(podKind, namespace, prefix) == nil {
			return errorf("there is none")
		}
		return nil
	})
	e.edit(podKind, namespace, e.named(podKind, namespace, prefix).GetName(),
		`{"metadata":{"annotations":{"localcluster.fixpoint-cd.github.io/ready-after":"0s"}}}`)
}

// TestApplicationStatus compares every field of an Application's status that
// does not depend on time.
func TestApplicationStatus(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("exact", map[string]string{
		"a.yaml": configMap("exact-a", "1"),
		"d.yaml": pods("exact-d", ""),
		"r.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: exact-role}\nrules: []\n",
	})
	e.apply(application("exact", repo, ".", "exact"))
	e.synced("exact", "")
	var o *unstructured.Unstructured
	e.eventually("done", func() error {
		o = e.app("exact")
		if at(o, "status", "operationState", "phase") != "Succeeded" {
			return errorf("%s", brief(o))
		}
		return nil
	})
	commit := at(o, "status", "sync", "revision")
	source := map[string]any{"repoURL": org + repo, "targetRevision": "main", "path": "."}
	destination := map[string]any{"server": "https://kubernetes.default.svc", "namespace": "exact"}
	want := map[string]any{
		"comparedTo": map[string]any{"source": source, "destination": destination},
		"status":     "Synced", "revision": commit,
	}
	if got, _, _ := unstructured.NestedMap(o.Object, "status", "sync"); !reflect.DeepEqual(got, want) {
		t.Errorf("sync is %v, want %v", got, want)
	}
	resources := []map[string]any{
		{"version": "v1", "kind": "ConfigMap", "namespace": "exact", "name": "exact-a", "status": "Synced"},
		{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "exact", "name": "exact-d", "status": "Synced"},
		{"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole", "name": "exact-role", "status": "Synced"},
	}
	if got := list(o, "status", "resources"); !reflect.DeepEqual(got, resources) {
		t.Errorf("resources are %v", got)
	}
	for path, value := range map[string]string{
		"health.status": "Healthy", "sourceType": "Directory", "conditions": "", "controllerNamespace": "argocd",
		"operationState.phase": "Succeeded", "operationState.message": "successfully synced (all tasks run)",
		"operationState.operation.initiatedBy.automated": "true", "operationState.operation.sync.revision": commit,
		"operationState.operation.sync.prune": "true", "operationState.syncResult.revision": commit,
		"operationState.syncResult.source.repoURL": org + repo, "operationState.operation.retry.limit": "5",
	} {
		if got := at(o, append([]string{"status"}, strings.Split(path, ".")...)...); got != value {
			t.Errorf("%s is %q, want %q", path, got, value)
		}
	}
	history := list(o, "status", "history")
	if len(history) != 1 || history[0]["revision"] != commit || !reflect.DeepEqual(history[0]["source"], source) ||
		history[0]["deployedAt"] == nil || history[0]["deployStartedAt"] == nil {
		t.Errorf("history is %v", history)
	}
	for kind, id := range map[string]string{
		"ConfigMap exact-a": "exact:/ConfigMap:exact/exact-a", "Deployment exact-d": "exact:apps/Deployment:exact/exact-d",
		"ClusterRole exact-role": "exact:rbac.authorization.k8s.io/ClusterRole:exact/exact-role",
	} {
		k, name, _ := strings.Cut(kind, " ")
		gvk, ns := configMapKind, "exact"
		switch k {
		case "Deployment":
			gvk = deploymentKind
		case "ClusterRole":
			gvk, ns = clusterRoleKind, ""
		}
		live := e.get(gvk, ns, name)
		if got := live.GetAnnotations()["argocd.argoproj.io/tracking-id"]; got != id {
			t.Errorf("%s has the tracking id %q, want %q", kind, got, id)
		}
	}
}

// TestHealth follows pods that are slow, and pods that crash.
func TestHealth(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("health", map[string]string{"d.yaml": pods("health-d", never)})
	e.apply(application("health", repo, ".", "health"))
	e.shows("health", map[string]string{"sync.status": "Synced", "health.status": "Progressing"})
	e.release("health", "health-d")
	e.shows("health", map[string]string{"sync.status": "Synced", "health.status": "Healthy"})

	e.push(repo, "crash", map[string]string{"d.yaml": pods("health-d", looping)})
	e.eventually("crashing pods are shown", func() error {
		o := e.app("health")
		if got := at(o, "status", "health", "status"); got != "Degraded" && got != "Progressing" {
			return errorf("health is %s", got)
		}
		return nil
	})
	commit := e.push(repo, "well", map[string]string{"d.yaml": pods("health-d", "")})
	e.synced("health", commit)

	// A pod of its own that crashes is Degraded at once.
	e.push(repo, "pod", map[string]string{"p.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: health-p, annotations: {" + looping + "}}\n" +
		"spec: {containers: [{name: web, image: \"example.com/web:1\"}]}\n"})
	e.shows("health", map[string]string{"sync.status": "Synced", "health.status": "Degraded"})
	e.event("Application", "argocd", "health", "ResourceUpdated", "-> Degraded")
	e.push(repo, "no pod", map[string]string{"p.yaml": ""})
	e.synced("health", "")
}

// TestCopiedObject copies an object with its tracking id under another name and
// in another namespace: a copy is never the app's to prune.
func TestCopiedObject(t *testing.T) {
	e := newEnv(t)
	e.namespaces("copied-elsewhere")
	repo := e.repo("copied", map[string]string{"a.yaml": configMap("copied-a", "1"), "b.yaml": configMap("copied-b", "1")})
	e.apply(application("copied", repo, ".", "copied"))
	e.synced("copied", "")
	id := e.get(configMapKind, "copied", "copied-a").GetAnnotations()["argocd.argoproj.io/tracking-id"]
	for _, at := range []string{"copied/copied-c", "copied-elsewhere/copied-a"} {
		ns, name, _ := strings.Cut(at, "/")
		e.apply(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, annotations: {argocd.argoproj.io/tracking-id: %q}}\ndata: {key: mine}\n", name, ns, id))
	}
	e.push(repo, "less", map[string]string{"b.yaml": "", "d.yaml": configMap("copied-d", "1")})
	e.eventually("pruned", func() error { return e.absent(configMapKind, "copied", "copied-b") })
	e.synced("copied", "")
	e.holds("copied", "copied-c", "key", "mine")
	e.holds("copied-elsewhere", "copied-a", "key", "mine")
	for _, r := range list(e.app("copied"), "status", "resources") {
		if r["name"] == "copied-c" || r["namespace"] == "copied-elsewhere" {
			t.Errorf("a copy is listed: %v", r)
		}
	}
	// The app's deletion does not touch them either.
	e.edit(applicationKind, "argocd", "copied", `{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}`)
	e.delete(applicationKind, "argocd", "copied")
	e.eventually("gone", func() error { return e.absent(applicationKind, "argocd", "copied") })
	if err := e.absent(configMapKind, "copied", "copied-a"); err != nil {
		t.Error(err)
	}
	e.holds("copied", "copied-c", "key", "mine")
	e.holds("copied-elsewhere", "copied-a", "key", "mine")
}

// TestUnsupportedFields sets fields that are not honoured, or that would apply
// something else: each is told by a condition and an event.
func TestUnsupportedFields(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("unsupported", map[string]string{"a.yaml": configMap("uns-a", "1")})
	add := func(name, more string) string {
		return strings.Replace(application(name, repo, ".", name), "spec:\n", "spec:\n"+more, 1)
	}
	for name, c := range map[string]struct {
		manifest, condition, text string
		synced                    bool
	}{
		"uns-ignore": {add("uns-ignore", "  ignoreDifferences: [{kind: Deployment, group: apps, jsonPointers: [spec.replicas]}]\n"),
			"UnsupportedFieldWarning", "spec.ignoreDifferences[0].jsonPointers", true},
		"uns-hydrator": {add("uns-hydrator", "  sourceHydrator: {drySource: {repoURL: "+org+repo+", path: ., targetRevision: main}, syncSource: {targetBranch: out, path: out}}\n"),
			"InvalidSpecError", "spec.sourceHydrator", false},
		"uns-foo": {add("uns-foo", "  foo: bar\n"), "UnsupportedFieldWarning", "spec.foo", true},
	} {
		e.apply(c.manifest)
		e.eventually(name, func() error {
			return e.condition(applicationKind, "argocd", name, c.condition, "", c.text)
		})
		e.event("Application", "argocd", name, "Warning", c.condition, c.text)
		if c.synced {
			e.synced(name, "")
			continue
		}
		e.shows(name, map[string]string{"sync.status": "Unknown"})
		if err := e.absent(configMapKind, name, "uns-a"); err != nil {
			t.Error(err)
		}
	}
}
