package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var automated = regexp.MustCompile(`(?m)^    automated: .*\n`)

// manual is an Application that is synced only when it is asked for.
func manual(name, repo, path, namespace string) string {
	return automated.ReplaceAllString(application(name, repo, path, namespace), "")
}

// operate asks for a sync the way argocd does, and waits for its outcome.
func (e *env) operate(app, by, sync, phase string) *unstructured.Unstructured {
	e.t.Helper()
	e.edit(applicationKind, "argocd", app, fmt.Sprintf(`{"operation":{"initiatedBy":{"username":%q},"sync":%s}}`, by, sync))
	var o *unstructured.Unstructured
	e.eventually("sync by "+by, func() error {
		o = e.app(app)
		if _, pending := o.Object["operation"]; pending {
			return fmt.Errorf("operation stands there still: %s", brief(o))
		}
		if at(o, "status", "operationState", "operation", "initiatedBy", "username") != by ||
			at(o, "status", "operationState", "phase") != phase {
			return fmt.Errorf("want phase %s: %s", phase, brief(o))
		}
		return nil
	})
	return o
}

// outcome is the entry of the last operation for a ConfigMap: "Synced: text".
func outcome(o *unstructured.Unstructured, name string) string {
	for _, r := range list(o, "status", "operationState", "syncResult", "resources") {
		if r["name"] == name {
			return fmt.Sprintf("%v: %v", r["status"], r["message"])
		}
	}
	return ""
}

// TestManualSync syncs an app without automation by its operation field: as a
// dry run, in part, whole, with and without pruning.
func TestManualSync(t *testing.T) {
	e := newEnv(t)
	e.namespaces("manual")
	repo := e.repo("manual", map[string]string{"a.yaml": configMap("man-a", "1"), "b.yaml": configMap("man-b", "1")})
	e.apply(manual("manual", repo, ".", "manual"))

	o := e.shows("manual", map[string]string{"sync.status": "OutOfSync", "health.status": "Missing"})
	for _, name := range []string{"man-a", "man-b"} {
		if r := resource(o, "ConfigMap", name); r == nil || r["status"] != "OutOfSync" {
			t.Errorf("resource %s: %v", name, r)
		}
	}
	if at(o, "status", "operationState") != "" || at(o, "status", "history") != "" {
		t.Errorf("synced without being asked: %s", brief(o))
	}

	o = e.operate("manual", "dry", `{"dryRun":true}`, "Succeeded")
	if got := at(o, "status", "operationState", "operation", "sync", "dryRun"); got != "true" {
		t.Errorf("dryRun is %q", got)
	}
	if err := e.absent(configMapKind, "manual", "man-a"); err != nil {
		t.Error(err)
	}

	o = e.operate("manual", "part", `{"resources":[{"kind":"ConfigMap","name":"man-a","namespace":"manual"}]}`, "Succeeded")
	e.holds("manual", "man-a", "key", "1")
	if err := e.absent(configMapKind, "manual", "man-b"); err != nil {
		t.Error(err)
	}
	if at(o, "status", "history") != "" {
		t.Errorf("history after a dry run and a partial sync: %v", at(o, "status", "history"))
	}
	e.shows("manual", map[string]string{"sync.status": "OutOfSync"})

	// As argocd sends it for an object without a namespace in its manifest.
	e.operate("manual", "part-b", `{"resources":[{"kind":"ConfigMap","name":"man-b"}]}`, "Succeeded")
	e.holds("manual", "man-b", "key", "1")
	e.shows("manual", map[string]string{"sync.status": "Synced"})

	o = e.operate("manual", "alice", `{}`, "Succeeded")
	history := list(o, "status", "history")
	if len(history) != 1 || fmt.Sprint(history[0]["id"]) != "0" || fmt.Sprint(history[0]["initiatedBy"]) != "map[username:alice]" {
		t.Errorf("history after the first full sync: %v", history)
	}
	e.shows("manual", map[string]string{"sync.status": "Synced", "health.status": "Healthy"})

	commit := e.push(repo, "no b", map[string]string{"a.yaml": configMap("man-a", "2"), "b.yaml": ""})
	o = e.shows("manual", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	if r := resource(o, "ConfigMap", "man-b"); r == nil || fmt.Sprint(r["requiresPruning"]) != "true" {
		t.Errorf("what left Git is not marked for pruning: %v", r)
	}
	o = e.operate("manual", "bob", `{}`, "Succeeded")
	if got := outcome(o, "man-b"); !strings.HasPrefix(got, "PruneSkipped") {
		t.Errorf("man-b: %s", got)
	}
	e.holds("manual", "man-a", "key", "2")
	e.holds("manual", "man-b", "key", "1")
	if history := list(o, "status", "history"); len(history) != 2 || fmt.Sprint(history[1]["id"]) != "1" || history[1]["revision"] != commit {
		t.Errorf("history after the second full sync: %v", history)
	}
	e.shows("manual", map[string]string{"sync.status": "OutOfSync"})

	o = e.operate("manual", "carol", `{"prune":true}`, "Succeeded")
	if got := outcome(o, "man-b"); !strings.HasPrefix(got, "Pruned") {
		t.Errorf("man-b: %s", got)
	}
	e.eventually("pruned", func() error { return e.absent(configMapKind, "manual", "man-b") })
	e.shows("manual", map[string]string{"sync.status": "Synced"})
	e.event("Application", "argocd", "manual", "OperationStarted", "carol")
	e.event("Application", "argocd", "manual", "OperationCompleted", "succeeded")
}

// TestRefusedOperation asks for what can't be done: it ends at once, says why,
// and the next one works.
func TestRefusedOperation(t *testing.T) {
	e := newEnv(t)
	e.namespaces("refused")
	repo := e.repo("refused", map[string]string{"a.yaml": configMap("ref-a", "1")})
	e.apply(manual("refused", repo, ".", "refused"))
	e.shows("refused", map[string]string{"sync.status": "OutOfSync"})
	for by, c := range map[string]struct{ sync, text string }{
		"wrong-revision": {`{"revision":"0123456789012345678901234567890123456789"}`, "0123456789"},
		"manifests":      {`{"manifests":["x"]}`, "manifests"},
		"other-source":   {`{"source":{"repoURL":"https://example.com/other","path":"."}}`, "example.com/other"},
	} {
		o := e.operate("refused", by, c.sync, "Error")
		if message := at(o, "status", "operationState", "message"); !strings.Contains(message, c.text) {
			t.Errorf("%s: %s", by, message)
		}
	}
	if err := e.absent(configMapKind, "refused", "ref-a"); err != nil {
		t.Error(err)
	}
	e.operate("refused", "right", `{}`, "Succeeded")
	e.holds("refused", "ref-a", "key", "1")
}

// TestDriftShown edits an object of an automated app without self-heal: it is
// shown, by name, and stays as it is until self-heal is switched on.
func TestDriftShown(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("drift", map[string]string{"a.yaml": configMap("drift-a", "1"), "b.yaml": configMap("drift-b", "1")})
	noHeal := strings.Replace(application("drift", repo, ".", "drift"), ", selfHeal: true", "", 1)
	e.apply(noHeal)
	e.synced("drift", "")
	n := e.counted(func() {
		e.edit(configMapKind, "drift", "drift-a", `{"data":{"key":"edited"}}`)
		e.delete(configMapKind, "drift", "drift-b")
		var o *unstructured.Unstructured
		e.eventually("both are shown", func() error {
			o = e.app("drift")
			a, b := resource(o, "ConfigMap", "drift-a"), resource(o, "ConfigMap", "drift-b")
			if at(o, "status", "sync", "status") != "OutOfSync" || a["status"] != "OutOfSync" || b["status"] != "OutOfSync" {
				return fmt.Errorf("%v %v: %s", a, b, brief(o))
			}
			return nil
		})
		e.edit(applicationKind, "argocd", "drift", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
		e.eventually("refreshed", func() error {
			return e.field(applicationKind, "argocd", "drift", nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
		})
	})
	if n["APPLY configmaps"] != 0 {
		t.Errorf("repaired although self-heal is off: %v", n)
	}
	if got, _ := e.data("drift", "drift-a", "key"); got != "edited" {
		t.Errorf("key is %q", got)
	}

	// A commit is applied, and takes the edit along.
	e.push(repo, "two", map[string]string{"a.yaml": configMap("drift-a", "2")})
	e.holds("drift", "drift-a", "key", "2")
	e.holds("drift", "drift-b", "key", "1")
	e.synced("drift", "")

	e.edit(configMapKind, "drift", "drift-a", `{"data":{"key":"edited"}}`)
	e.shows("drift", map[string]string{"sync.status": "OutOfSync"})
	e.apply(application("drift", repo, ".", "drift"))
	e.holds("drift", "drift-a", "key", "2")
	e.synced("drift", "")
}

// TestSkipReconcile marks an app: nothing happens to it, until the mark is gone.
func TestSkipReconcile(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("skip", map[string]string{"skip/a.yaml": configMap("skip-a", "1"), "other/a.yaml": configMap("other-a", "1")})
	e.apply(application("skip", repo, "skip", "skip"))
	e.apply(application("skip-other", repo, "other", "skip"))
	e.synced("skip", "")
	e.synced("skip-other", "")

	e.edit(applicationKind, "argocd", "skip", `{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":"true"}}}`)
	// The mark takes hold some time; another app's change after it is proof of that.
	e.edit(applicationKind, "argocd", "skip-other", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}`)
	e.eventually("refreshed", func() error {
		return e.field(applicationKind, "argocd", "skip-other", nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
	})
	e.edit(configMapKind, "skip", "skip-a", `{"data":{"key":"edited"}}`)
	commit := e.push(repo, "two", map[string]string{"skip/a.yaml": configMap("skip-a", "2"), "other/a.yaml": configMap("other-a", "2")})
	e.holds("skip", "other-a", "key", "2")
	e.synced("skip-other", commit)
	e.delete(configMapKind, "skip", "other-a")
	e.holds("skip", "other-a", "key", "2")
	if got, _ := e.data("skip", "skip-a", "key"); got != "edited" {
		t.Errorf("a skipped app was worked on: key is %q", got)
	}
	e.edit(applicationKind, "argocd", "skip", `{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":null}}}`)
	e.holds("skip", "skip-a", "key", "2")
	e.synced("skip", commit)
}

// TestRefresh asks for a look: a normal one sees a commit that nobody told of,
// a hard one compares each object by a dry run as well; neither writes what is
// in sync.
func TestRefresh(t *testing.T) {
	e := newEnvOn(t, ownCluster(t))
	repo := e.repo("refresh", map[string]string{"a.yaml": configMap("refresh-a", "1"), "b.yaml": configMap("refresh-b", "1")})
	e.apply(application("refresh", repo, ".", "refresh"))
	e.synced("refresh", "")
	refresh := func(mode string) {
		t.Helper()
		e.edit(applicationKind, "argocd", "refresh", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"`+mode+`"}}}`)
		e.eventually("the annotation is taken away", func() error {
			return e.field(applicationKind, "argocd", "refresh", nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
		})
	}
	commit, err := e.git.Commit(t.Context(), "myorg/"+repo, "main", "silent", map[string]*string{"a.yaml": ptr(configMap("refresh-a", "2"))})
	if err != nil {
		t.Fatal(err)
	}
	refresh("normal")
	e.synced("refresh", commit)
	e.holds("refresh", "refresh-a", "key", "2")

	before, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	refresh("hard")
	e.eventually("compared", func() error {
		now, err := e.cluster.requests()
		if err != nil {
			return err
		}
		if n := now.since(before); n["APPLY configmaps dry"]+n["PATCH configmaps dry"] < 2 {
			return errorf("requests: %v", n)
		}
		return nil
	})
	e.synced("refresh", commit)
	now, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	if n := now.since(before); n["APPLY configmaps"]+n["PATCH configmaps"] != 0 {
		t.Errorf("a hard refresh wrote what was in sync: %v", n)
	}
}

// TestSyncOfBrokenCommit asks for a sync while the newest commit does not render:
// it ends with the error at once, and what was good is not passed off as done.
func TestSyncOfBrokenCommit(t *testing.T) {
	e := newEnv(t)
	e.namespaces("broken")
	repo := e.repo("broken", map[string]string{"apps/a.yaml": configMap("broken-a", "1")})
	e.apply(manual("broken", repo, "apps", "broken"))
	e.shows("broken", map[string]string{"sync.status": "OutOfSync"})
	e.operate("broken", "alice", `{}`, "Succeeded")

	e.push(repo, "broken", map[string]string{"apps/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n"})
	e.shows("broken", map[string]string{"sync.status": "Unknown"})
	o := e.operate("broken", "bob", `{}`, "Error")
	if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "a.yaml") {
		t.Errorf("message: %s", got)
	}
	if history := list(o, "status", "history"); len(history) != 1 {
		t.Errorf("history: %v", history)
	}

	// The same where nothing was ever good.
	e.apply(manual("nowhere", repo, "nope", "broken"))
	o = e.operate("nowhere", "carol", `{}`, "Error")
	if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "nope") {
		t.Errorf("message: %s", got)
	}
}
