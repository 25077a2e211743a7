package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// everything is an app with hooks of all phases, waves and an object that goes.
func everything(name string) map[string]string {
	return map[string]string{
		"pre.yaml": hookPod(name+"-pre", "PreSync"), "mid.yaml": waved(1, hookPod(name+"-mid", "Sync")),
		"post.yaml": hookPod(name+"-post", "PostSync"), "fail.yaml": hookPod(name+"-fail", "SyncFail"),
		"a.yaml": configMap("a", "1"), "b.yaml": waved(2, configMap("b", "1")),
	}
}

// pods are the names of the Pods of a namespace.
func (e *env) pods(namespace string) []string {
	e.t.Helper()
	r, err := e.cluster.kind(podKind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	all, err := r.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	var out []string
	for _, o := range all.Items {
		out = append(out, o.GetName())
	}
	return out
}

// TestOptionDryRun tries out an app with hooks and waves: all of it is in the result,
// none of it is made, run or pruned.
func TestOptionDryRun(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-dry")
	files := everything("dry")
	files["wrong.yaml"] = waved(3, strings.Replace(deployment("wrong", ""), "matchLabels: {app: wrong}", "matchLabels: {app: other}", 1))
	repo := e.repo("opt-dry", files)
	e.apply(manual("opt-dry", repo, ".", "opt-dry"))
	e.shows("opt-dry", map[string]string{"sync.status": "OutOfSync"})
	o := e.operate("opt-dry", "wrong", `{"dryRun":true}`, "Failed")
	if got := outcome(o, "wrong"); !strings.HasPrefix(got, "SyncFailed") || !strings.Contains(got, "selector") {
		t.Errorf("wrong: %s", got)
	}
	for name, want := range map[string]string{
		"a": "Synced: configmap/a created (dry run)", "b": "Synced: configmap/b created (dry run)",
		"dry-pre":  "Synced: pod/dry-pre created: would run in PreSync (dry run)",
		"dry-mid":  "Synced: pod/dry-mid created: would run in Sync (dry run)",
		"dry-post": "Synced: pod/dry-post created: would run in PostSync (dry run)", "dry-fail": "",
	} {
		if got := outcome(o, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"a", "b"} {
		if err := e.absent(configMapKind, "opt-dry", name); err != nil {
			t.Error(err)
		}
	}
	commit := e.push(repo, "right", map[string]string{"wrong.yaml": ""})
	e.shows("opt-dry", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	e.operate("opt-dry", "dry", `{"dryRun":true}`, "Succeeded")
	if got := e.pods("opt-dry"); len(got) > 0 {
		t.Errorf("a dry run made hooks: %q", got)
	}

	e.operate("opt-dry", "real", `{}`, "Succeeded")
	commit = e.push(repo, "less", map[string]string{"b.yaml": "", "a.yaml": configMap("a", "2"), "c.yaml": configMap("c", "1")})
	e.shows("opt-dry", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	history := len(list(e.app("opt-dry"), "status", "history"))
	o = e.operate("opt-dry", "pruning", `{"dryRun":true,"prune":true}`, "Succeeded")
	if got := outcome(o, "b"); got != "Pruned: pruned (dry run)" {
		t.Errorf("b: %s", got)
	}
	if got := outcome(o, "a"); got != "Synced: configmap/a configured (dry run)" {
		t.Errorf("a: %s", got)
	}
	e.holds("opt-dry", "b", "key", "1")
	e.holds("opt-dry", "a", "key", "1")
	o = e.operate("opt-dry", "pruning one", `{"prune":true,"resources":[{"kind":"ConfigMap","name":"b","namespace":"opt-dry"}]}`, "Succeeded")
	if got := outcome(o, "b"); !strings.HasPrefix(got, "Pruned") {
		t.Errorf("b: %s", got)
	}
	if err := e.absent(configMapKind, "opt-dry", "b"); err != nil {
		t.Error(err)
	}
	e.holds("opt-dry", "a", "key", "1")
	if err := e.absent(configMapKind, "opt-dry", "c"); err != nil {
		t.Error(err)
	}
	if got := len(list(e.app("opt-dry"), "status", "history")); got != history {
		t.Errorf("a dry run or a sync of one object is in the history: %d entries, want %d", got, history)
	}
}

// TestOptionStrategy syncs with and without hooks, in part, and with hooks by name.
func TestOptionStrategy(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-strategy")
	repo := e.repo("opt-strategy", everything("run"))
	e.apply(manual("opt-strategy", repo, ".", "opt-strategy"))
	e.shows("opt-strategy", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-strategy", "part", `{"resources":[{"kind":"ConfigMap","name":"b"}]}`, "Succeeded")
	e.holds("opt-strategy", "b", "key", "1")
	if err := e.absent(configMapKind, "opt-strategy", "a"); err != nil {
		t.Error(err)
	}
	o := e.operate("opt-strategy", "apply", `{"syncStrategy":{"apply":{}}}`, "Succeeded")
	e.holds("opt-strategy", "a", "key", "1")
	if got := e.pods("opt-strategy"); len(got) > 0 {
		t.Errorf("hooks were made in part or with strategy apply: %q", got)
	}
	if got := len(list(o, "status", "operationState", "syncResult", "resources")); got != 2 {
		t.Errorf("%d results, want those of two ConfigMaps: %s", got, at(o, "status", "operationState", "syncResult"))
	}
	e.shows("opt-strategy", map[string]string{"sync.status": "Synced"})
	o = e.operate("opt-strategy", "hook", `{"syncStrategy":{"hook":{}}}`, "Succeeded")
	for name, want := range map[string]string{"run-pre": "PreSync Succeeded", "run-mid": "Sync Succeeded", "run-post": "PostSync Succeeded", "run-fail": ""} {
		if got := hookResult(o, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := len(e.pods("opt-strategy")); got != 3 {
		t.Errorf("%d hooks are there, want 3", got)
	}
}

// TestOptionRequestWarns gives a request options that are not honoured: the sync is
// done, and that is told.
func TestOptionRequestWarns(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-request", map[string]string{"a.yaml": configMap("a", "1")})
	e.apply(manual("opt-request", repo, ".", "opt-request"))
	e.shows("opt-request", map[string]string{"sync.status": "OutOfSync"})
	o := e.operate("opt-request", "odd", `{"syncOptions":["Prune=flase","ServerSideApply=false"]}`, "Succeeded")
	if got := fmt.Sprint(at(o, "status", "operationState", "operation", "sync", "syncOptions")); !strings.Contains(got, "Prune=flase") {
		t.Errorf("the request is recorded as %s", got)
	}
	e.warns("opt-request", "UnsupportedFieldWarning", "Prune=flase", "did you mean Prune=false")
	e.warns("opt-request", "UnsupportedFieldWarning", "ServerSideApply=false")
	e.operate("opt-request", "plain", `{}`, "Succeeded")
	e.eventually("the warnings are gone", func() error {
		if err := e.condition(applicationKind, "argocd", "opt-request", "UnsupportedFieldWarning", "", "flase"); err == nil {
			return errorf("%s", brief(e.app("opt-request")))
		}
		return nil
	})
}
